import { checkTimestep, type Diffusion } from './diffusion.ts';

const { fround } = Math;

/**
 * Draws x_t from q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I) (Ho et al. 2020, eq. 4).
 *
 * @param xStart x_0, any shape
 * @param noise standard normal, of the same shape
 * @throws {RangeError} if t is no index of the diffusion or the sizes differ
 */
export function qSample(
  diffusion: Diffusion,
  t: number,
  xStart: Float32Array,
  noise: Float32Array,
): Float32Array {
  checkTimestep(diffusion, t);
  return weightedSum(diffusion.sqrtAlphasCumprod[t]!, xStart, diffusion.sqrtOneMinusAlphasCumprod[t]!, noise);
}

/**
 * Mean of the posterior q(x_{t-1} | x_t, x_0) (Ho et al. 2020, eq. 7).
 *
 * @param xStart x_0, any shape
 * @param x x_t, of the same shape
 * @throws {RangeError} if t is no index of the diffusion or the sizes differ
 */
export function qPosteriorMean(
  diffusion: Diffusion,
  t: number,
  xStart: Float32Array,
  x: Float32Array,
): Float32Array {
  checkTimestep(diffusion, t);
  return weightedSum(diffusion.posteriorMeanCoef1[t]!, xStart, diffusion.posteriorMeanCoef2[t]!, x);
}

/** Variance of the posterior q(x_{t-1} | x_t, x_0) and its clipped logarithm, one value for all elements. */
export function qPosteriorVariance(
  diffusion: Diffusion,
  t: number,
): { variance: number; logVariance: number } {
  checkTimestep(diffusion, t);
  return {
    variance: fround(diffusion.posteriorVariance[t]!),
    logVariance: fround(diffusion.posteriorLogVarianceClipped[t]!),
  };
}

/** a * u + b * v, every operation rounded to float32. */
export function weightedSum(a: number, u: Float32Array, b: number, v: Float32Array): Float32Array {
  if (u.length !== v.length)
    throw new RangeError(`tensors of ${u.length} and ${v.length} values do not match`);
  const out = new Float32Array(u.length);
  const a32 = fround(a);
  const b32 = fround(b);
  for (let i = 0; i < out.length; i++) out[i] = fround(a32 * u[i]!) + fround(b32 * v[i]!);
  return out;
}
