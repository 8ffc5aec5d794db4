import { describe, expect, it } from 'vitest';
import {
  createDiffusion,
  diffusionAt,
  forkState,
  initSampler,
  RespacingError,
  type SamplerConfig,
  stepSampler,
  tailTimesteps,
  withTail,
} from '../../src/core/index.ts';

const settings = {
  steps: 1000,
  noiseSchedule: 'cosine',
  meanType: 'epsilon',
  varianceType: 'fixed_small',
  rescaleTimesteps: false,
} as const;

describe('the timesteps of a tail', () => {
  it('are spread over what is left, beginning at the timestep reached', () => {
    expect(tailTimesteps(90, '4')).toEqual([0, 30, 60, 90]);
    expect(tailTimesteps(90, '1')).toEqual([90]);
    expect(tailTimesteps(3, '')).toEqual([0, 1, 2, 3]);
    expect(tailTimesteps(0, '1')).toEqual([0]);
  });

  it('follow the grammar, with the first evaluation moved to where x_t is', () => {
    expect(tailTimesteps(99, 'ddim10').at(-1)).toBe(99);
    expect(tailTimesteps(99, 'ddim10').slice(0, 3)).toEqual([0, 10, 20]);
    expect(tailTimesteps(99, '2,3')).toEqual([0, 49, 50, 74, 99]);
  });

  it('are refused where they do not fit', () => {
    expect(() => tailTimesteps(3, '5')).toThrow(RespacingError);
    expect(() => tailTimesteps(99, '0')).toThrow(RespacingError);
    expect(() => tailTimesteps(99, 'x')).toThrow(RespacingError);
  });
});

describe('a process with another tail', () => {
  it('is the source itself when the tail is what was left', () => {
    const source = createDiffusion(settings, '10');
    const same = withTail(source.timestepMap, 6, source.timestepMap.slice(0, 7));
    expect(same).toEqual(source.timestepMap);
    expect(diffusionAt(settings, same).betas).toEqual(source.betas);
    expect(diffusionAt(settings, same).posteriorMeanCoef1).toEqual(source.posteriorMeanCoef1);
  });

  it('keeps alpha_bar at the timestep reached, so that x_t has the noise that the tail expects', () => {
    const source = createDiffusion(settings, '10');
    const tail = tailTimesteps(source.timestepMap[6]!, '25');
    const forked = diffusionAt(settings, withTail(source.timestepMap, 6, tail));
    expect(forked.numTimesteps).toBe(25 + 3);
    expect(forked.timestepMap[24]).toBe(source.timestepMap[6]);
    expect(forked.alphasCumprod[24]).toBeCloseTo(source.alphasCumprod[6]!, 12);
  });

  it('refuses a tail that begins elsewhere', () => {
    expect(() => withTail([0, 10, 20], 1, [0, 9])).toThrow('arrived at 10');
    expect(() => diffusionAt(settings, [0, 5, 5])).toThrow(RespacingError);
    expect(() => diffusionAt(settings, [5, 1000])).toThrow(RespacingError);
  });

  it('of one step goes straight to the predicted x_start', () => {
    const source = createDiffusion(settings, '10');
    const config: SamplerConfig = {
      sampler: 'ddim',
      eta: 0,
      clipDenoised: false,
      guidanceScale: 0,
      channels: 1,
      batch: 1,
    };
    const x = Float32Array.of(0.5, -0.25);
    const half = { ...initSampler(source, config, x), t: 4, step: 5 };
    const forked = diffusionAt(settings, withTail(source.timestepMap, 4, [source.timestepMap[4]!]));
    const { state } = forkState(half, { sampler: 'ddim', tail: 1 });
    const evaluation = { modelOutput: Float32Array.of(0.1, 0.2), gradient: null };
    const end = stepSampler(forked, config, { ...state, tensors: half.tensors }, evaluation, null);
    expect(end.state).toMatchObject({ done: true, step: 6 });
    for (const [i, value] of end.predXStart.entries()) expect(end.state.tensors.x[i]).toBeCloseTo(value, 6);
  });
});

it('history goes on with the same sampler and is dropped for another', () => {
  const state = { version: 1, sampler: 'ddpm', t: 6, step: 3, done: false } as const;
  expect(forkState(state, { sampler: 'ddpm', tail: 7 })).toEqual({ state, keepsHistory: true });
  expect(forkState(state, { sampler: 'ddim', tail: 20 })).toEqual({
    state: { ...state, sampler: 'ddim', t: 19 },
    keepsHistory: false,
  });
});
