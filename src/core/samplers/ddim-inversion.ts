import { meanPart, predictXStart } from '../mean-variance.ts';
import type { SamplerConfig } from '../sampler.ts';
import type { Sampler, StepInput } from './contract.ts';
import { towards } from './ddim.ts';

const { fround, sqrt } = Math;

/**
 * DDIM run backwards (Dhariwal & Nichol 2021, appendix F; Song et al. 2021, section 4.3): from an image, taken as x at
 * t = 0, up to the noise at the last timestep, from which DDIM with eta 0 leads back to the image. A step reads the
 * prediction at t and arrives at t + 1, so there is one step fewer than timesteps.
 */
export const ddimInversion: Sampler = {
  start: () => ({ t: 0, done: false }),
  next: (diffusion, t) => ({ t: t + 1, done: t + 1 >= diffusion.numTimesteps - 1 }),
  steps: (diffusion) => diffusion.numTimesteps - 1,
  needsNoise: () => false,
  usesGradient: () => false,
  checkConfig,
  step,
};

function checkConfig({ eta, guidanceScale }: SamplerConfig): void {
  if (eta !== 0)
    throw new RangeError(`DDIM inversion follows the deterministic path: eta has to be 0, got ${eta}`);
  if (guidanceScale !== 0) {
    throw new RangeError(
      `DDIM inversion is not guided: the guidance scale has to be 0, got ${guidanceScale}`,
    );
  }
}

function step({ diffusion, config, layout, t, x, modelOutput }: StepInput) {
  const predXStart = predictXStart(diffusion, t, x, meanPart(diffusion, layout, modelOutput), config);
  const alphaBarNext = fround(diffusion.alphasCumprodNext[t]!);
  const coefficients = {
    ofXStart: fround(sqrt(alphaBarNext)),
    ofEps: fround(sqrt(fround(1 - alphaBarNext))),
    ofNoise: 0,
  };
  return { sample: towards(diffusion, t, x, predXStart, coefficients, null), predXStart };
}
