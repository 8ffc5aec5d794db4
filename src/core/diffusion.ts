import { log } from './math.ts';
import { RespacingError, respaceBetas, spaceTimesteps } from './respacing.ts';
import { namedBetas } from './schedule.ts';
import type { DiffusionSettings } from './settings.ts';

/**
 * A (respaced) diffusion process: its coefficients per timestep as float64 tables, all of length `numTimesteps`.
 * Index t of a table belongs to the t-th timestep that is kept, 0 being the least noisy.
 */
export interface Diffusion {
  readonly settings: DiffusionSettings;
  /** The respacing as it was asked for; "" keeps every timestep. */
  readonly respacing: string;
  readonly numTimesteps: number;
  /** The timestep of the trained process at each kept one, ascending. */
  readonly timestepMap: readonly number[];
  readonly betas: Float64Array;
  /** alpha_bar_t, the product of 1 - beta up to t. */
  readonly alphasCumprod: Float64Array;
  /** alpha_bar_{t-1}; 1 before the first. */
  readonly alphasCumprodPrev: Float64Array;
  /** alpha_bar_{t+1}; 0 after the last. */
  readonly alphasCumprodNext: Float64Array;
  readonly sqrtAlphasCumprod: Float64Array;
  readonly sqrtOneMinusAlphasCumprod: Float64Array;
  readonly logOneMinusAlphasCumprod: Float64Array;
  readonly sqrtRecipAlphasCumprod: Float64Array;
  readonly sqrtRecipm1AlphasCumprod: Float64Array;
  /** Variance of q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7); 0 at t = 0. */
  readonly posteriorVariance: Float64Array;
  /** Its logarithm, with the value of t = 1 at t = 0, where the variance is 0. */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Coefficient of x_0 in the mean of q(x_{t-1} | x_t, x_0). */
  readonly posteriorMeanCoef1: Float64Array;
  /** Coefficient of x_t in the mean of q(x_{t-1} | x_t, x_0). */
  readonly posteriorMeanCoef2: Float64Array;
}

/**
 * Builds the diffusion that samples a trained model in fewer steps.
 *
 * @param respacing "250", "10,10,15,20,25", "ddim25" (see {@link spaceTimesteps}), or "" for every timestep
 * @throws {RespacingError} if the respacing does not fit the settings or leaves fewer than two timesteps
 * @throws {RangeError} if the schedule can't be built with this number of steps
 * @example
 * const settings = { steps: 1000, noiseSchedule: 'cosine', meanType: 'epsilon', varianceType: 'learned_range', rescaleTimesteps: false };
 * createDiffusion(settings, 'ddim25').timestepMap; // [0, 40, 80, ..., 960]
 */
export function createDiffusion(settings: DiffusionSettings, respacing: string): Diffusion {
  const timesteps = spaceTimesteps(settings.steps, respacing === '' ? [settings.steps] : respacing);
  if (timesteps.length < 2) {
    throw new RespacingError(
      `timestep respacing "${respacing}" keeps ${timesteps.length} of ${settings.steps} timesteps; a diffusion needs at least 2`,
    );
  }
  return diffusionAt(settings, timesteps, respacing);
}

/**
 * Builds the diffusion that visits exactly these timesteps of a trained model's process (Nichol & Dhariwal 2021,
 * eq. 19).
 *
 * @param timesteps at least 2 of 0 .. T - 1, ascending, without repetition
 * @param respacing the grammar they come from, if one
 * @throws {RespacingError} if the timesteps are not such a list
 */
export function diffusionAt(
  settings: DiffusionSettings,
  timesteps: readonly number[],
  respacing = '',
): Diffusion {
  const ascending = timesteps.every((t, i) => Number.isInteger(t) && t > (timesteps[i - 1] ?? -1));
  if (timesteps.length < 2 || !ascending || timesteps.at(-1)! >= settings.steps) {
    throw new RespacingError(
      `expected at least 2 timesteps of 0 .. ${settings.steps - 1}, ascending, got [${timesteps.join(', ')}]`,
    );
  }
  const betas = namedBetas(settings.noiseSchedule, settings.steps);
  return diffusionFromBetas(settings, respacing, respaceBetas(cumulativeAlphas(betas), timesteps), timesteps);
}

/**
 * Builds a diffusion over a given noise schedule.
 *
 * @param betas beta at each of `timesteps`
 * @param timesteps the timesteps of the trained process they belong to
 */
export function diffusionFromBetas(
  settings: DiffusionSettings,
  respacing: string,
  betas: Float64Array,
  timesteps: readonly number[],
): Diffusion {
  const alphasCumprod = cumulativeAlphas(betas);
  const alphasCumprodPrev = alphasCumprod.map((_, t) => (t === 0 ? 1 : alphasCumprod[t - 1]!));
  const alphasCumprodNext = alphasCumprod.map((_, t) => alphasCumprod[t + 1] ?? 0);
  const posteriorVariance = betas.map(
    (beta, t) => (beta * (1 - alphasCumprodPrev[t]!)) / (1 - alphasCumprod[t]!),
  );
  return {
    settings,
    respacing,
    numTimesteps: betas.length,
    timestepMap: timesteps,
    betas,
    alphasCumprod,
    alphasCumprodPrev,
    alphasCumprodNext,
    sqrtAlphasCumprod: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 - a)),
    logOneMinusAlphasCumprod: alphasCumprod.map((a) => log(1 - a)),
    sqrtRecipAlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 / a)),
    sqrtRecipm1AlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 / a - 1)),
    posteriorVariance,
    posteriorLogVarianceClipped: posteriorVariance.map((_, t) => log(posteriorVariance[Math.max(t, 1)]!)),
    posteriorMeanCoef1: betas.map(
      (beta, t) => (beta * Math.sqrt(alphasCumprodPrev[t]!)) / (1 - alphasCumprod[t]!),
    ),
    posteriorMeanCoef2: betas.map(
      (beta, t) => ((1 - alphasCumprodPrev[t]!) * Math.sqrt(1 - beta)) / (1 - alphasCumprod[t]!),
    ),
  };
}

/** alpha_bar_t = prod_{s <= t} (1 - beta_s). */
export function cumulativeAlphas(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => {
    product *= 1 - beta;
    return product;
  });
}

/**
 * The timestep that the networks receive for index t of the respaced process: that of the trained process, times
 * 1000 / T (in float32) if the model was trained so. The diffusion model and the classifier get the same one.
 *
 * @throws {RangeError} if t is no index of the diffusion
 */
export function modelTimestep(diffusion: Diffusion, t: number): number {
  checkTimestep(diffusion, t);
  const original = diffusion.timestepMap[t]!;
  if (!diffusion.settings.rescaleTimesteps) return original;
  return Math.fround(original * Math.fround(1000 / diffusion.settings.steps));
}

/** @throws {RangeError} if t is no index of the diffusion */
export function checkTimestep(diffusion: Diffusion, t: number): void {
  if (!Number.isInteger(t) || t < 0 || t >= diffusion.numTimesteps) {
    throw new RangeError(`timestep ${t} is outside 0..${diffusion.numTimesteps - 1}`);
  }
}
