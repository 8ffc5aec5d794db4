import type { GoldenDirectory } from './directory.ts';

/** Which networks a loop was made with. */
export interface NetworkSource {
  readonly directory: GoldenDirectory;
  /** Relative path of the diffusion model's state dict. */
  readonly model: string;
  /** Relative path of the classifier's; null for a loop without guidance. */
  readonly classifier: string | null;
}

export interface LoopEvaluation {
  /** `[N, Cout, H, W]`. */
  readonly modelOutput: Float32Array;
  /** d/dx of sum_k target_k log p(k | x, t), `[N, C, H, W]`, unscaled; null without a target. */
  readonly gradient: Float32Array | null;
  /** `[N, K]`; null without a target. */
  readonly logProbs: Float32Array | null;
}

export interface LoopInput {
  /** `[N, C, H, W]`. */
  readonly x: Float32Array;
  readonly shape: readonly [number, number, number, number];
  /** `[N]`, as the networks receive it. */
  readonly timestep: Float32Array;
  /** Class of each image, for a class-conditional diffusion model; others ignore it. */
  readonly labels?: readonly number[] | undefined;
  /** Class of each image whose log-probability is differentiated; without it the classifier does not run. */
  readonly targets?: readonly number[] | undefined;
  /** The image to be enlarged, for an upsampling model. */
  readonly lowRes?: { readonly data: Float32Array; readonly shape: readonly number[] } | undefined;
}

/** The networks of a loop, ready to be asked. */
export interface LoopNetworks {
  evaluate(input: LoopInput): Promise<LoopEvaluation>;
  close(): Promise<void>;
}

/** Converts the checkpoints and opens them in an engine. */
export type LoadNetworks = (source: NetworkSource) => Promise<LoopNetworks>;
