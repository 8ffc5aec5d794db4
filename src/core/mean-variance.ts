/**
 * The parameterisation: from what a network puts out to what the samplers need, namely a predicted x_0, the mean of
 * p(x_{t-1} | x_t) and its variance.
 *
 * Coefficients are looked up in float64 and then rounded to float32, and every operation on elements is rounded to
 * float32, because that is what the published models were trained and sampled with.
 */
import type { Diffusion } from './diffusion.ts';
import { qPosteriorMean } from './forward.ts';
import { exp, log } from './math.ts';
import { learnsVariance } from './settings.ts';

const { fround } = Math;

/** How the predicted x_0 is treated before anything is derived from it. */
export interface DenoisedOptions {
  /** Clamp the predicted x_0 to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** Applied to the predicted x_0 before the clamp, `[N, C, H, W]` to the same. */
  readonly denoisedFn?: (x0: Float32Array, t: number) => Float32Array;
}

/** Number of images and of values in one of them. */
export interface BatchLayout {
  readonly batch: number;
  /** C * H * W. */
  readonly elements: number;
}

/**
 * The mean half of a network's output, `[N, C, H, W]`: all of it, or with a learned variance the first C of 2 C
 * channels of each image.
 */
export function meanPart(diffusion: Diffusion, layout: BatchLayout, modelOutput: Float32Array): Float32Array {
  return learnsVariance(diffusion.settings) ? halfOfChannels(layout, modelOutput, 0) : modelOutput;
}

/** The variance half of a network's output, `[N, C, H, W]`: the last C of 2 C channels. Always a new array. */
function variancePart(layout: BatchLayout, modelOutput: Float32Array): Float32Array {
  return halfOfChannels(layout, modelOutput, 1);
}

function halfOfChannels(
  { batch, elements }: BatchLayout,
  modelOutput: Float32Array,
  half: 0 | 1,
): Float32Array {
  const out = new Float32Array(batch * elements);
  for (let n = 0; n < batch; n++) {
    const from = (2 * n + half) * elements;
    out.set(modelOutput.subarray(from, from + elements), n * elements);
  }
  return out;
}

/**
 * The predicted x_0, after the denoised function and the clamp, in this order. Always a new array.
 *
 * @param meanOutput the mean half of the network's output at x_t
 */
export function predictXStart(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  meanOutput: Float32Array,
  options: DenoisedOptions,
): Float32Array {
  let xStart = rawXStart(diffusion, t, x, meanOutput);
  if (options.denoisedFn) {
    xStart = options.denoisedFn(xStart, t).slice();
    if (xStart.length !== x.length) {
      throw new RangeError(`the denoised function returned ${xStart.length} values for ${x.length}`);
    }
  }
  if (options.clipDenoised) clampInPlace(xStart);
  return xStart;
}

function rawXStart(diffusion: Diffusion, t: number, x: Float32Array, meanOutput: Float32Array): Float32Array {
  switch (diffusion.settings.meanType) {
    case 'x_start':
      return meanOutput.slice();
    case 'epsilon':
      return xStartFromEps(diffusion, t, x, meanOutput);
    case 'previous_x': {
      // the posterior mean's formula, solved for x_0
      const coef1 = diffusion.posteriorMeanCoef1[t]!;
      return weightedDifference(1 / coef1, meanOutput, diffusion.posteriorMeanCoef2[t]! / coef1, x);
    }
  }
}

/** x_0 from x_t and the noise in it: x_t / sqrt(alpha_bar_t) - sqrt(1 / alpha_bar_t - 1) eps (Ho et al. 2020, eq. 4). */
export function xStartFromEps(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  eps: Float32Array,
): Float32Array {
  return weightedDifference(
    diffusion.sqrtRecipAlphasCumprod[t]!,
    x,
    diffusion.sqrtRecipm1AlphasCumprod[t]!,
    eps,
  );
}

/** The noise in x_t, given x_0: the inverse of {@link xStartFromEps}. */
export function epsFromXStart(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  xStart: Float32Array,
): Float32Array {
  const recip = fround(diffusion.sqrtRecipAlphasCumprod[t]!);
  const recipm1 = fround(diffusion.sqrtRecipm1AlphasCumprod[t]!);
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) out[i] = fround(fround(recip * x[i]!) - xStart[i]!) / recipm1;
  return out;
}

/**
 * Mean of p(x_{t-1} | x_t), unguided: the posterior's, given the predicted x_0. A network that predicts x_{t-1}
 * gives it directly, so clamping x_0 does not change it. Always a new array.
 */
export function modelMean(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  meanOutput: Float32Array,
  predXStart: Float32Array,
): Float32Array {
  if (diffusion.settings.meanType === 'previous_x') return meanOutput.slice();
  return qPosteriorMean(diffusion, t, predXStart, x);
}

/**
 * Variance of p(x_{t-1} | x_t): one value for all elements, or `[N, C, H, W]` if the network learns it. `deviation`
 * is exp(logVariance / 2), which at t = 0 is not the root of `variance` (the logarithm is clipped there).
 */
export type ModelVariance =
  | {
      readonly learned: false;
      readonly variance: number;
      readonly deviation: number;
      readonly logVariance: number;
    }
  | {
      readonly learned: true;
      readonly variance: Float32Array;
      readonly deviation: Float32Array;
      readonly logVariance: Float32Array;
    };

/** @param modelOutput the network's whole output; its variance half is read if the variance is learned */
export function modelVariance(
  diffusion: Diffusion,
  t: number,
  layout: BatchLayout,
  modelOutput: Float32Array,
): ModelVariance {
  switch (diffusion.settings.varianceType) {
    case 'fixed_small':
      return fixedVariance(diffusion.posteriorVariance[t]!, diffusion.posteriorLogVarianceClipped[t]!);
    case 'fixed_large': {
      const variance = t === 0 ? diffusion.posteriorVariance[1]! : diffusion.betas[t]!;
      return fixedVariance(variance, log(variance));
    }
    case 'learned':
      return learnedVariance(variancePart(layout, modelOutput));
    case 'learned_range': {
      const logVariance = variancePart(layout, modelOutput);
      interpolateInPlace(logVariance, diffusion.posteriorLogVarianceClipped[t]!, log(diffusion.betas[t]!));
      return learnedVariance(logVariance);
    }
  }
}

function fixedVariance(variance: number, logVariance: number): ModelVariance {
  const log32 = fround(logVariance);
  return {
    learned: false,
    variance: fround(variance),
    deviation: fround(exp(log32 / 2)),
    logVariance: log32,
  };
}

function learnedVariance(logVariance: Float32Array): ModelVariance {
  const variance = new Float32Array(logVariance.length);
  const deviation = new Float32Array(logVariance.length);
  for (let i = 0; i < logVariance.length; i++) {
    const root = exp(logVariance[i]! / 2); // its square in float64 rounds to the same float32 as a second exp
    deviation[i] = root;
    variance[i] = root * root;
  }
  return { learned: true, variance, deviation, logVariance };
}

/**
 * Nichol & Dhariwal 2021, eq. 15: v = -1 is the smallest log variance, v = 1 the largest. v is not clamped: outside of
 * [-1, 1] it extrapolates.
 */
function interpolateInPlace(v: Float32Array, smallest: number, largest: number): void {
  const min = fround(smallest);
  const max = fround(largest);
  for (let i = 0; i < v.length; i++) {
    const fraction = fround(fround(v[i]! + 1) / 2);
    v[i] = fround(fraction * max) + fround(fround(1 - fraction) * min);
  }
}

function weightedDifference(a: number, u: Float32Array, b: number, v: Float32Array): Float32Array {
  const out = new Float32Array(u.length);
  const a32 = fround(a);
  const b32 = fround(b);
  for (let i = 0; i < out.length; i++) out[i] = fround(a32 * u[i]!) - fround(b32 * v[i]!);
  return out;
}

function clampInPlace(x: Float32Array): void {
  for (let i = 0; i < x.length; i++) {
    const value = x[i]!;
    if (value > 1) x[i] = 1;
    else if (value < -1) x[i] = -1;
  }
}
