/** What the routes know of a model. Behind it, a queue joins the steps of many jobs (batching/). */
import type { Datatype } from '../inference/oip/datatype.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';

/** An input or output; -1 in the shape is the batch dimension. */
export interface TensorSignature {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Values must be whole numbers from 0 to below this: class labels. */
  readonly below?: number;
  /** A request may leave it out. */
  readonly optional?: true;
}

export interface ModelSignature {
  readonly name: string;
  /** Of the model folder's graphs, the same for each of its models (modelDigest in src/models/manifest.ts). */
  readonly digest: string;
  readonly inputs: readonly TensorSignature[];
  readonly outputs: readonly TensorSignature[];
  readonly maxBatchSize: number;
}

export interface ModelRunner {
  readonly signature: ModelSignature;
  /**
   * @param inputs checked against the signature
   * @param outputs names of the wanted outputs, all of the signature; what only serves other outputs is not computed
   * @returns the wanted outputs in the order asked for; their memory is the caller's
   */
  infer(inputs: TensorsByName, outputs: readonly string[], options: RunOptions): Promise<NamedTensor[]>;
}

export interface RunOptions {
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly schedule: Schedule;
  /** Told how the run went that made the answer, before the answer: for the request's line in the log. */
  readonly onRun?: (run: RunTiming) => void;
}

export interface RunTiming {
  /** Milliseconds in the queue. */
  readonly waitMs: number;
  /** Milliseconds in the graphs. */
  readonly runMs: number;
  /** Images in the same batch, others' too. */
  readonly batchSize: number;
}

/** What a request says of its place among the others that wait. */
export interface Schedule {
  /** Whose step it is, e.g. a job's id: turns are shared out between owners. */
  readonly owner: string;
  /** Smaller goes first, as in Triton's `priority` parameter; the middle is {@link DEFAULT_PRIORITY}. */
  readonly priority: number;
  /** When the answer is of no use any more, in milliseconds of `performance.now()`; null for never. */
  readonly deadline: number | null;
  /** The batch that runs is this request's own and nobody else's, so that its bits depend on nothing else. */
  readonly exact: boolean;
}

export const DEFAULT_PRIORITY = 100;

/** For a request that says nothing. */
export const DEFAULT_SCHEDULE: Schedule = {
  owner: '',
  priority: DEFAULT_PRIORITY,
  deadline: null,
  exact: false,
};

export type TensorsByName = ReadonlyMap<string, NamedTensor>;
