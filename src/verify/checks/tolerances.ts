import type { Diffusion } from '../../core/index.ts';

/** A few roundings of float32, relative to the largest value. */
export const CORE_TOLERANCE = 1e-6;

/**
 * What an error of 1 in the model output may become in x_{t-1}, whose largest value is given, and in the predicted x_0:
 * epsilon enters x_0 by a factor, and a learned variance scales the noise by the exponential of the output.
 */
export function outputSensitivity(diffusion: Diffusion, t: number, largest: number): number {
  const { meanType, varianceType } = diffusion.settings;
  const throughMean = meanType === 'epsilon' ? diffusion.sqrtRecipm1AlphasCumprod[t]! : 0;
  const logRange = Math.log(diffusion.betas[t]!) - diffusion.posteriorLogVarianceClipped[t]!;
  const throughVariance = varianceType === 'learned_range' ? (largest * logRange) / 4 : 0;
  return 1 + throughMean + throughVariance;
}
