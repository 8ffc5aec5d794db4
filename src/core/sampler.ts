/**
 * Samplers as pure functions over plain data: `initSampler` gives a state, `stepSampler` turns a state, the networks'
 * answer at it and the noise of the step into the next one. The loop belongs to the caller, who may store the state
 * between any two steps, resume from it anywhere, and repeat a step to the same bytes.
 */
import { checkTimestep, type Diffusion } from './diffusion.ts';
import type { BatchLayout } from './mean-variance.ts';
import { samplers } from './samplers/index.ts';
import { learnsVariance } from './settings.ts';

/** `ddpm`: ancestral sampling. `ddim`: Song et al. 2021, any eta. `ddim_inversion`: from an image to its latent. */
export type SamplerName = 'ddpm' | 'ddim' | 'ddim_inversion';

export interface SamplerConfig {
  readonly sampler: SamplerName;
  /** Noise of DDIM: 0 is deterministic, 1 has the variance of ancestral sampling. Ancestral sampling ignores it. */
  readonly eta: number;
  /** Clamp the predicted x_0 to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** s of Dhariwal & Nichol 2021; 0 samples without guidance. */
  readonly guidanceScale: number;
  /** C of one image. */
  readonly channels: number;
  /** N. */
  readonly batch: number;
  /** Applied to the predicted x_0 before the clamp, `[N, C, H, W]` to the same. */
  readonly denoisedFn?: (x0: Float32Array, t: number) => Float32Array;
}

/** Complete: nothing else is needed to go on. Scalars are JSON values and tensors Float32Arrays. */
export interface SamplerState {
  readonly version: 1;
  readonly sampler: SamplerName;
  /** Index of the respaced process at which the networks are evaluated next; once done, where x has arrived. */
  readonly t: number;
  /** Steps taken so far. */
  readonly step: number;
  readonly done: boolean;
  readonly tensors: {
    /** x_t, `[N, C, H, W]`. */
    readonly x: Float32Array;
    /** What a sampler remembers of earlier steps. */
    readonly [history: string]: Float32Array;
  };
}

/** The networks' answer at x_t and `modelTimestep(diffusion, t)`. */
export interface StepEvaluation {
  /** `[N, C, H, W]`, or `[N, 2 C, H, W]` if the variance is learned. */
  readonly modelOutput: Float32Array;
  /** d/dx_t of log p(y | x_t), `[N, C, H, W]`, unscaled; null when {@link needsGradient} says no. */
  readonly gradient: Float32Array | null;
}

export interface StepResult {
  readonly state: SamplerState;
  /** The predicted x_0 of this step, `[N, C, H, W]`: unguided for `ddpm`, guided for `ddim`. */
  readonly predXStart: Float32Array;
}

/**
 * The state before the first step.
 *
 * @param xT the starting point, `[N, C, H, W]`: noise, or for `ddim_inversion` the image
 * @throws {RangeError} if the configuration is impossible or xT does not hold N images of C channels
 */
export function initSampler(diffusion: Diffusion, config: SamplerConfig, xT: Float32Array): SamplerState {
  checkConfig(config);
  layoutOf(config, xT);
  const { t, done } = samplers[config.sampler].start(diffusion);
  return { version: 1, sampler: config.sampler, t, step: 0, done, tensors: { x: xT.slice() } };
}

/**
 * Takes one step. Never changes its arguments; the same arguments give the same bytes.
 *
 * @param evaluation the networks' answer at `state.tensors.x` and `modelTimestep(diffusion, state.t)`
 * @param noise standard normal `[N, C, H, W]`; null when {@link needsNoise} says no
 * @throws {RangeError} if the state is done or belongs to another sampler, or if a tensor is missing or of the wrong
 *   size
 */
export function stepSampler(
  diffusion: Diffusion,
  config: SamplerConfig,
  state: SamplerState,
  evaluation: StepEvaluation,
  noise: Float32Array | null,
): StepResult {
  checkConfig(config);
  checkState(diffusion, config, state);
  const { x } = state.tensors;
  const layout = layoutOf(config, x);
  const outputs = learnsVariance(diffusion.settings) ? 2 * x.length : x.length;
  checkLength('the model output', evaluation.modelOutput, outputs);
  const guided = needsGradient(diffusion, config, state);
  if (guided) checkLength('the gradient', evaluation.gradient, x.length);
  const noisy = needsNoise(diffusion, config, state);
  if (noisy) checkLength('the noise', noise, x.length);

  const sampler = samplers[config.sampler];
  const { sample, predXStart } = sampler.step({
    diffusion,
    config,
    layout,
    t: state.t,
    x,
    modelOutput: evaluation.modelOutput,
    gradient: guided ? evaluation.gradient : null,
    noise: noisy ? noise : null,
  });
  const { t, done } = sampler.next(diffusion, state.t);
  return {
    state: { version: 1, sampler: config.sampler, t, step: state.step + 1, done, tensors: { x: sample } },
    predXStart,
  };
}

/** Steps that the sampler takes from its start to its end. */
export function samplerSteps(diffusion: Diffusion, config: Pick<SamplerConfig, 'sampler'>): number {
  return samplers[config.sampler].steps(diffusion);
}

/**
 * Whether the next step reads its noise. It does not at the last step and where its factor is 0. The noise of step k
 * is a function of k, so a noise that is not read need not be drawn.
 */
export function needsNoise(diffusion: Diffusion, config: SamplerConfig, state: SamplerState): boolean {
  return !state.done && samplers[config.sampler].needsNoise(diffusion, config, state.t);
}

/** Whether the next step reads the classifier's gradient: the guidance scale and what multiplies it are not 0. */
export function needsGradient(diffusion: Diffusion, config: SamplerConfig, state: SamplerState): boolean {
  return (
    !state.done && config.guidanceScale !== 0 && samplers[config.sampler].usesGradient(diffusion, state.t)
  );
}

function checkConfig(config: SamplerConfig): void {
  if (!Object.hasOwn(samplers, config.sampler)) {
    throw new RangeError(`unknown sampler "${config.sampler}": expected ${Object.keys(samplers).join(', ')}`);
  }
  for (const name of ['channels', 'batch'] as const) {
    if (!Number.isSafeInteger(config[name]) || config[name] < 1) {
      throw new RangeError(`${name} has to be a positive whole number, got ${config[name]}`);
    }
  }
  if (!Number.isFinite(config.guidanceScale)) {
    throw new RangeError(`the guidance scale has to be a finite number, got ${config.guidanceScale}`);
  }
  if (!(config.eta >= 0 && Number.isFinite(config.eta))) {
    throw new RangeError(`eta has to be a finite number of at least 0, got ${config.eta}`);
  }
  samplers[config.sampler].checkConfig?.(config);
}

function checkState(diffusion: Diffusion, config: SamplerConfig, state: SamplerState): void {
  if (state.version !== 1)
    throw new RangeError(`sampler state of version ${state.version}: expected version 1`);
  if (state.sampler !== config.sampler) {
    throw new RangeError(
      `a state of the sampler "${state.sampler}" can't be continued with "${config.sampler}"`,
    );
  }
  if (state.done)
    throw new RangeError(`the sampler is done after ${state.step} steps: there is no next step`);
  checkTimestep(diffusion, state.t);
}

function layoutOf(config: SamplerConfig, x: Float32Array): BatchLayout {
  if (x.length === 0 || x.length % (config.batch * config.channels) !== 0) {
    throw new RangeError(
      `x holds ${x.length} values, which is not a batch of ${config.batch} images with ${config.channels} channels`,
    );
  }
  return { batch: config.batch, elements: x.length / config.batch };
}

function checkLength(name: string, tensor: Float32Array | null, expected: number): void {
  if (tensor === null) throw new RangeError(`${name} is missing at a step that needs it`);
  if (tensor.length !== expected) {
    throw new RangeError(`${name} holds ${tensor.length} values, expected ${expected}`);
  }
}
