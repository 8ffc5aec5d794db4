import { describe, expect, it } from 'vitest';
import { createDiffusion, modelTimestep, RespacingError } from '../../src/core/index.ts';
import { settingsWith } from './settings.ts';

describe('createDiffusion', () => {
  it('keeps every timestep for the empty respacing', () => {
    const diffusion = createDiffusion(settingsWith({ steps: 100 }), '');
    expect(diffusion.timestepMap).toEqual(Array.from({ length: 100 }, (_, t) => t));
  });

  it('has the alpha_bar of the whole process at the timesteps it keeps', () => {
    const whole = createDiffusion(settingsWith(), '');
    const short = createDiffusion(settingsWith(), 'ddim25');
    expect(short.timestepMap.at(-1)).toBe(960);
    for (const [t, original] of short.timestepMap.entries()) {
      expect(short.alphasCumprod[t]).toBeCloseTo(whole.alphasCumprod[original]!, 12);
    }
  });

  it.each(['1', '0', '0,0,1'])('refuses "%s": fewer than two timesteps', (respacing) => {
    expect(() => createDiffusion(settingsWith(), respacing)).toThrow(RespacingError);
    expect(() => createDiffusion(settingsWith(), respacing)).toThrow('needs at least 2');
  });

  it('refuses a linear schedule so short that a beta exceeds 1, and names it', () => {
    expect(() => createDiffusion(settingsWith({ steps: 19 }), '')).toThrow(/beta 1\.05.* at index 18/);
    expect(createDiffusion(settingsWith({ steps: 20 }), '').betas.at(-1)).toBeCloseTo(1, 12);
  });

  it('refuses a number of steps that is none', () => {
    for (const steps of [0, -5, 2.5, NaN]) {
      expect(() => createDiffusion(settingsWith({ steps }), '')).toThrow('positive whole number of steps');
    }
  });
});

describe('modelTimestep', () => {
  it('is the timestep of the trained process, never the respaced index', () => {
    const diffusion = createDiffusion(settingsWith(), '7');
    expect(diffusion.timestepMap.map((_, t) => modelTimestep(diffusion, t))).toEqual([
      0, 166, 333, 500, 666, 832, 999,
    ]);
  });

  it('is rescaled to 1000 steps in float32 where the model was trained so', () => {
    const settings = settingsWith({ steps: 3000, rescaleTimesteps: true });
    const diffusion = createDiffusion(settings, '2');
    expect(modelTimestep(diffusion, 1)).toBe(Math.fround(2999 * Math.fround(1 / 3)));
  });

  it('refuses an index outside of the process', () => {
    const diffusion = createDiffusion(settingsWith(), '7');
    for (const t of [-1, 7, 0.5]) expect(() => modelTimestep(diffusion, t)).toThrow('outside 0..6');
  });
});
