import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { ModelRunner, ModelSignature, TensorsByName } from '../model-runner.ts';
import type { BatchObserver } from './observer.ts';
import type { Timers } from './timers.ts';

export interface BatcherOptions {
  /** Most images in one run; a larger request is split, unless it is exact. */
  readonly maxBatchSize: number;
  /** Longest wait for more images once the engine is free, in milliseconds; 0 for never. */
  readonly maxWindowMs: number;
  /** Images of one model that may wait; requests beyond are refused. */
  readonly maxQueuedItems: number;
  /** Batches that run at the same time, over all models. */
  readonly concurrency: number;
  /**
   * Every run of exact requests has this many images, and exact requests share it; a larger one runs alone. null: each
   * runs alone, at its own size (docs/serving.md, "Exact requests").
   */
  readonly exactBatchSize: number | null;
  readonly observer?: BatchObserver;
  /** Default: the real ones. */
  readonly timers?: Timers;
}

export const DEFAULT_BATCHING = {
  maxBatchSize: 16,
  maxWindowMs: 2,
  maxQueuedItems: 1024,
  concurrency: 1,
  exactBatchSize: null,
} as const satisfies BatcherOptions;

/** One loaded graph. */
export interface Graph {
  /**
   * @param inputs the graph's own, maybe others beside them; left as they are, because another graph takes them too
   * @returns the wanted outputs, in any order, in memory that nobody else has
   */
  run(inputs: TensorsByName, wanted: readonly string[]): Promise<readonly NamedTensor[]>;
}

/** The graphs of one model folder, and the models on the wire that share them. */
export interface ModelFamily {
  /** Id of the model folder. */
  readonly id: string;
  readonly diffusion: GraphPart;
  readonly gradient: GraphPart | null;
  /** Each model's outputs are outputs of the graphs. */
  readonly signatures: readonly ModelSignature[];
  /** Default: one that is always there. */
  readonly engine?: EngineState;
  /** In the place of {@link BatcherOptions}' own. */
  readonly maxBatchSize?: number;
}

/** While a family's engine is being started, its requests wait and other families run. */
export interface EngineState {
  readonly starting: boolean;
  onChange(listener: () => void): void;
}

/** A graph, its inputs and its outputs. */
export interface GraphPart {
  readonly graph: Graph;
  readonly signature: Pick<ModelSignature, 'inputs' | 'outputs'>;
}

/** A family in service. */
export interface ServedFamily {
  /** One for each signature, in their order. */
  readonly runners: readonly ModelRunner[];
  /** Takes no more requests; resolves when those it has are answered and its graphs may be closed. */
  drain(): Promise<void>;
  /** Fails what waits with this error; what runs goes on. */
  drop(error: Error): void;
}
