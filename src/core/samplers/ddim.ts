import type { Diffusion } from '../diffusion.ts';
import { conditionScore } from '../guidance.ts';
import { meanPart, predictXStart } from '../mean-variance.ts';
import { DESCENDING, type Sampler, type StepInput } from './contract.ts';

const { fround, sqrt } = Math;

/**
 * DDIM (Song et al. 2021, eq. 12; guided: Dhariwal & Nichol 2021, algorithm 2), in the respaced process:
 * x_{t-1} = sqrt(alpha_bar_{t-1}) x_0 + sqrt(1 - alpha_bar_{t-1} - sigma^2) eps + sigma * noise, where eps is derived
 * again from the predicted x_0 after its clamp and its guidance.
 */
export const ddim: Sampler = {
  ...DESCENDING,
  needsNoise: (_diffusion, config, t) => t > 0 && config.eta !== 0,
  usesGradient: () => true,
  step,
};

function step({ diffusion, config, layout, t, x, modelOutput, gradient, noise }: StepInput) {
  let predXStart = predictXStart(diffusion, t, x, meanPart(diffusion, layout, modelOutput), config);
  if (gradient !== null) {
    predXStart = conditionScore(diffusion, t, x, predXStart, gradient, config.guidanceScale);
  }
  const sample = towards(diffusion, t, x, predXStart, ddimCoefficients(diffusion, t, config.eta), noise);
  return { sample, predXStart };
}

interface Coefficients {
  readonly ofXStart: number;
  readonly ofEps: number;
  readonly ofNoise: number;
}

/** Song et al. 2021, eq. 12 and 16; 1 - alpha_bar in float32, as the reference computes it. */
function ddimCoefficients(diffusion: Diffusion, t: number, eta: number): Coefficients {
  const alphaBar = fround(diffusion.alphasCumprod[t]!);
  const alphaBarPrev = fround(diffusion.alphasCumprodPrev[t]!);
  const noisePrev = fround(1 - alphaBarPrev);
  const ratio = fround(sqrt(fround(noisePrev / fround(1 - alphaBar))));
  const shrink = fround(sqrt(fround(1 - fround(alphaBar / alphaBarPrev))));
  const sigma = fround(fround(fround(eta) * ratio) * shrink);
  return {
    ofXStart: fround(sqrt(alphaBarPrev)),
    ofEps: fround(sqrt(fround(noisePrev - fround(sigma * sigma)))),
    ofNoise: sigma,
  };
}

/** The point at another noise level on the line that x and its predicted x_0 span. */
export function towards(
  diffusion: Diffusion,
  t: number,
  x: Float32Array,
  predXStart: Float32Array,
  { ofXStart, ofEps, ofNoise }: Coefficients,
  noise: Float32Array | null,
): Float32Array {
  const recip = fround(diffusion.sqrtRecipAlphasCumprod[t]!);
  const recipm1 = fround(diffusion.sqrtRecipm1AlphasCumprod[t]!);
  const out = new Float32Array(x.length);
  for (let i = 0; i < out.length; i++) {
    const eps = fround(fround(fround(recip * x[i]!) - predXStart[i]!) / recipm1);
    out[i] = fround(predXStart[i]! * ofXStart) + fround(ofEps * eps);
  }
  if (noise !== null) {
    for (let i = 0; i < out.length; i++) out[i] = out[i]! + fround(ofNoise * noise[i]!);
  }
  return out;
}
