/** Classifier guidance (Dhariwal & Nichol 2021): how the gradient of log p(y | x_t), taken at x_t, enters a step. */
import type { Diffusion } from './diffusion.ts';
import { epsFromXStart, type ModelVariance, xStartFromEps } from './mean-variance.ts';

const { fround } = Math;

/**
 * Algorithm 1: shifts the mean of p(x_{t-1} | x_t) by scale * variance * gradient, in place.
 *
 * @param mean `[N, C, H, W]`, overwritten
 * @param gradient d/dx_t of log p(y | x_t), `[N, C, H, W]`, unscaled
 */
export function conditionMean(
  mean: Float32Array,
  variance: ModelVariance,
  gradient: Float32Array,
  scale: number,
): void {
  const scale32 = fround(scale);
  if (variance.learned) {
    const perElement = variance.variance;
    for (let i = 0; i < mean.length; i++) {
      mean[i] = mean[i]! + fround(perElement[i]! * fround(scale32 * gradient[i]!));
    }
    return;
  }
  const same = variance.variance;
  for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + fround(same * fround(scale32 * gradient[i]!));
}

/**
 * Algorithm 2: replaces the score by eps - sqrt(1 - alpha_bar_t) * scale * gradient (eq. 14) and gives the predicted
 * x_0 that belongs to it. That one is not clamped again, whatever the settings.
 *
 * @param predXStart the unguided predicted x_0, `[N, C, H, W]`
 * @param gradient d/dx_t of log p(y | x_t), `[N, C, H, W]`, unscaled
 */
export function conditionScore(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  predXStart: Float32Array,
  gradient: Float32Array,
  scale: number,
): Float32Array {
  const eps = epsFromXStart(diffusion, t, x, predXStart);
  // 1 - alpha_bar in float32, as the reference computes it
  const root = fround(Math.sqrt(fround(1 - fround(diffusion.alphasCumprod[t]!))));
  const scale32 = fround(scale);
  for (let i = 0; i < eps.length; i++) eps[i] = eps[i]! - fround(root * fround(scale32 * gradient[i]!));
  return xStartFromEps(diffusion, t, x, eps);
}
