import { conditionMean } from '../guidance.ts';
import { meanPart, modelMean, modelVariance, predictXStart } from '../mean-variance.ts';
import { DESCENDING, type Sampler, type StepInput } from './contract.ts';

const { fround } = Math;

/**
 * Ancestral sampling (Ho et al. 2020, algorithm 2; guided: Dhariwal & Nichol 2021, algorithm 1):
 * x_{t-1} ~ N(mean + s * variance * gradient, variance), without noise at t = 0.
 */
export const ddpm: Sampler = {
  ...DESCENDING,
  needsNoise: (_diffusion, _config, t) => t > 0,
  // the fixed small variance, which multiplies the gradient, is 0 at t = 0: the last step is unguided
  usesGradient: (diffusion, t) => t > 0 || diffusion.settings.varianceType !== 'fixed_small',
  step,
};

function step({ diffusion, config, layout, t, x, modelOutput, gradient, noise }: StepInput) {
  const meanOutput = meanPart(diffusion, layout, modelOutput);
  const predXStart = predictXStart(diffusion, t, x, meanOutput, config);
  const sample = modelMean(diffusion, t, x, meanOutput, predXStart);
  if (gradient === null && noise === null) return { sample, predXStart };
  const variance = modelVariance(diffusion, t, layout, modelOutput);
  if (gradient !== null) conditionMean(sample, variance, gradient, config.guidanceScale);
  if (noise !== null) addNoise(sample, variance.deviation, noise);
  return { sample, predXStart };
}

/** mean + exp(logVariance / 2) * noise, in place. */
function addNoise(mean: Float32Array, deviation: Float32Array | number, noise: Float32Array): void {
  if (typeof deviation === 'number') {
    for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + fround(deviation * noise[i]!);
    return;
  }
  for (let i = 0; i < mean.length; i++) mean[i] = mean[i]! + fround(deviation[i]! * noise[i]!);
}
