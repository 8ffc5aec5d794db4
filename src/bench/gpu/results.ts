/** What a run of the GPU benchmark finds. */
import type { Size } from './sizes.ts';

export type Dtype = 'fp32' | 'fp16';

/** Who computes the step: the server on an execution provider, or PyTorch. */
export type Engine = 'cpu' | 'cuda' | 'tensorrt' | 'webgpu' | 'pytorch';

export interface Configuration {
  readonly size: Size;
  readonly engine: Engine;
  readonly dtype: Dtype;
}

/** One guided step at one batch size. */
export interface Point {
  readonly batch: number;
  /** Milliseconds of each repetition. */
  readonly times: readonly number[];
}

export interface Result extends Configuration {
  readonly points: readonly Point[];
  /** Why there are no more points. */
  readonly error?: string;
}

/** Whose answers are taken for right: PyTorch's, or where there is none onnxruntime's, both in float32 on the processor. */
export type TruthSource = 'pytorch' | 'cpu';

/** How far an engine's answers are from the right ones, on the toy with the same weights. */
export interface Agreement {
  readonly engine: Engine;
  readonly dtype: Dtype;
  /** Largest difference over the largest value, U-Net and gradient. */
  readonly error: number;
}

export interface GpuReport {
  readonly cards: readonly string[];
  readonly torch: string | null;
  readonly results: readonly Result[];
  /** What the agreements are with; null if nothing was compared. */
  readonly truth: TruthSource | null;
  readonly agreements: readonly Agreement[];
}
