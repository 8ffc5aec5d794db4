import type { Diffusion } from '../diffusion.ts';
import type { BatchLayout } from '../mean-variance.ts';
import type { SamplerConfig } from '../sampler.ts';

/** Everything one step may read. Tensors are `[N, C, H, W]` and have been checked for size. */
export interface StepInput {
  readonly diffusion: Diffusion;
  readonly config: SamplerConfig;
  readonly layout: BatchLayout;
  /** Index of the respaced process. */
  readonly t: number;
  readonly x: Float32Array;
  /** The network's whole output, with its variance half if it has one. */
  readonly modelOutput: Float32Array;
  /** Unscaled; present exactly when the step is guided. */
  readonly gradient: Float32Array | null;
  /** Present exactly when the step is noisy. */
  readonly noise: Float32Array | null;
}

export interface Position {
  /** Index of the respaced process. */
  readonly t: number;
  readonly done: boolean;
}

/** One row of the registry. */
export interface Sampler {
  /** Where the sampler starts. */
  start(diffusion: Diffusion): Position;
  /** Where it is after the step at t. */
  next(diffusion: Diffusion, t: number): Position;
  /** Number of steps from start to end. */
  steps(diffusion: Diffusion): number;
  needsNoise(diffusion: Diffusion, config: SamplerConfig, t: number): boolean;
  /** Whether a gradient could change the step at t. */
  usesGradient(diffusion: Diffusion, t: number): boolean;
  /** @throws {RangeError} if the sampler can't work with this configuration */
  checkConfig?(config: SamplerConfig): void;
  /** Both results are new arrays. */
  step(input: StepInput): { sample: Float32Array; predXStart: Float32Array };
}

/** From the noisiest timestep down to 0, one index a step. */
export const DESCENDING: Pick<Sampler, 'start' | 'next' | 'steps'> = {
  start: (diffusion) => ({ t: diffusion.numTimesteps - 1, done: false }),
  next: (_, t) => ({ t: t - 1, done: t === 0 }),
  steps: (diffusion) => diffusion.numTimesteps,
};
