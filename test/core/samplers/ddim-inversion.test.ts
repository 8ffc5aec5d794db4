import { describe, expect, it } from 'vitest';
import {
  createDiffusion,
  type Diffusion,
  drawNoise,
  initSampler,
  type SamplerConfig,
  type SamplerName,
  samplerSteps,
  stepSampler,
} from '../../../src/core/index.ts';
import { settingsWith } from '../settings.ts';

/** The exact epsilon for data N(0.3, 0.5^2), at index t of the diffusion. */
function exactEps(diffusion: Diffusion, t: number, x: Float32Array): Float32Array {
  const alphaBar = diffusion.alphasCumprod[t]!;
  const variance = alphaBar * 0.25 + 1 - alphaBar;
  return x.map((value) => (Math.sqrt(1 - alphaBar) * (value - Math.sqrt(alphaBar) * 0.3)) / variance);
}

function run(sampler: SamplerName, diffusion: Diffusion, x: Float32Array): Float32Array {
  const config: SamplerConfig = {
    sampler,
    eta: 0,
    clipDenoised: false,
    guidanceScale: 0,
    channels: 1,
    batch: 1,
  };
  let state = initSampler(diffusion, config, x);
  while (!state.done) {
    const modelOutput = exactEps(diffusion, state.t, state.tensors.x);
    state = stepSampler(diffusion, config, state, { modelOutput, gradient: null }, null).state;
  }
  expect(state.step).toBe(samplerSteps(diffusion, config));
  return state.tensors.x;
}

describe('DDIM inversion', () => {
  const images = drawNoise([3], 500, 0).map((value) => 0.3 + 0.5 * value);

  /** Root mean square distance of the image that inversion and DDIM lead back to. */
  function roundTripError(respacing: string): number {
    const diffusion = createDiffusion(settingsWith(), respacing);
    const back = run('ddim', diffusion, run('ddim_inversion', diffusion, images));
    return Math.sqrt(back.reduce((sum, value, i) => sum + (value - images[i]!) ** 2, 0) / images.length);
  }

  it('finds noise from which DDIM leads back to the image, the better the more steps', () => {
    const errors = ['20', '100', '500'].map(roundTripError);
    expect(errors[2]).toBeLessThan(0.01);
    expect(errors[1]).toBeLessThan(errors[0]! / 3);
    expect(errors[2]).toBeLessThan(errors[1]! / 3);
  });

  it('ends at standard normal noise', () => {
    const latent = run('ddim_inversion', createDiffusion(settingsWith(), '250'), images);
    const variance = latent.reduce((sum, value) => sum + value ** 2, 0) / latent.length;
    const standardised = images.reduce((sum, value) => sum + ((value - 0.3) / 0.5) ** 2, 0) / images.length;
    expect(variance).toBeCloseTo(standardised, 1);
  });
});
