import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDiffusion,
  type Diffusion,
  drawNoise,
  initSampler,
  learnsVariance,
  needsGradient,
  needsNoise,
  type SamplerConfig,
  type SamplerState,
  type StepEvaluation,
  samplerSteps,
  stepSampler,
} from '../../src/core/index.ts';
import { MEAN_TYPES, settingsWith, VARIANCE_TYPES } from './settings.ts';

const CONFIG: SamplerConfig = {
  sampler: 'ddpm',
  eta: 0,
  clipDenoised: true,
  guidanceScale: 0,
  channels: 2,
  batch: 3,
};
const ELEMENTS = 2 * 3 * 3;

const anyDiffusion = fc
  .record({ meanType: fc.constantFrom(...MEAN_TYPES), varianceType: fc.constantFrom(...VARIANCE_TYPES) })
  .map((types) => createDiffusion(settingsWith({ ...types, noiseSchedule: 'cosine' }), '5'));
const anyConfig = fc.oneof(
  fc.record({
    sampler: fc.constantFrom('ddpm', 'ddim'),
    eta: fc.constantFrom(0, 0.5, 1),
    clipDenoised: fc.boolean(),
    guidanceScale: fc.constantFrom(0, 3),
  }),
  fc.record({
    sampler: fc.constant('ddim_inversion'),
    eta: fc.constant(0),
    clipDenoised: fc.boolean(),
    guidanceScale: fc.constant(0),
  }),
) as fc.Arbitrary<Omit<SamplerConfig, 'channels' | 'batch'>>;

/** What made-up networks say at this state: a function of it, as real ones are. */
function evaluationAt(diffusion: Diffusion, state: SamplerState): StepEvaluation {
  const { x } = state.tensors;
  const halves = learnsVariance(diffusion.settings) ? 2 : 1;
  const size = x.length / CONFIG.batch;
  const modelOutput = new Float32Array(halves * x.length);
  for (let i = 0; i < x.length; i++) {
    const item = Math.floor(i / size);
    for (let half = 0; half < halves; half++) {
      modelOutput[(halves * item + half) * size + (i % size)] =
        half === 0 ? x[i]! * 0.9 : Math.tanh(x[i]!) - 1;
    }
  }
  return { modelOutput, gradient: x.map((value) => 0.1 - 0.2 * value) };
}

function noiseAt(state: SamplerState): Float32Array {
  return drawNoise([7, 8, 9], ELEMENTS, state.step + 1);
}

function stepOnce(diffusion: Diffusion, config: SamplerConfig, state: SamplerState) {
  return stepSampler(diffusion, config, state, evaluationAt(diffusion, state), noiseAt(state));
}

function runToEnd(diffusion: Diffusion, config: SamplerConfig, state: SamplerState): SamplerState {
  let current = state;
  while (!current.done) current = stepOnce(diffusion, config, current).state;
  return current;
}

/** Through JSON and bytes, as a store would keep it. */
function storedAndLoaded(state: SamplerState): SamplerState {
  const { tensors, ...scalars } = state;
  const bytes = new Uint8Array(tensors.x.slice().buffer);
  return { ...JSON.parse(JSON.stringify(scalars)), tensors: { x: new Float32Array(bytes.slice().buffer) } };
}

describe('stepSampler', () => {
  it('gives the same bytes when a step is repeated, and leaves its arguments alone', () => {
    fc.assert(
      fc.property(anyDiffusion, anyConfig, (diffusion, options) => {
        const config = { ...CONFIG, ...options };
        const state = stepOnce(
          diffusion,
          config,
          initSampler(diffusion, config, drawNoise([1, 2, 3], ELEMENTS, 0)),
        ).state;
        const evaluation = evaluationAt(diffusion, state);
        const noise = noiseAt(state);
        const before = structuredClone({ state, evaluation, noise });
        const first = stepSampler(diffusion, config, state, evaluation, noise);
        const second = stepSampler(diffusion, config, state, evaluation, noise);
        expect(second).toEqual(first);
        expect({ state, evaluation, noise }).toEqual(before);
        expect(first.state.tensors.x.buffer).not.toBe(state.tensors.x.buffer);
      }),
    );
  });

  it('ends with the same bytes when the state is stored and loaded after every step', () => {
    fc.assert(
      fc.property(anyDiffusion, anyConfig, (diffusion, options) => {
        const config = { ...CONFIG, ...options };
        const start = initSampler(diffusion, config, drawNoise([1, 2, 3], ELEMENTS, 0));
        let resumed = start;
        while (!resumed.done) resumed = stepOnce(diffusion, config, storedAndLoaded(resumed)).state;
        expect(resumed).toEqual(runToEnd(diffusion, config, start));
        expect(resumed.step).toBe(samplerSteps(diffusion, config));
      }),
    );
  });

  it('gives an image the same bytes alone as in a batch', () => {
    fc.assert(
      fc.property(anyDiffusion, anyConfig, (diffusion, options) => {
        const config = { ...CONFIG, ...options };
        const state = initSampler(diffusion, config, drawNoise([1, 2, 3], ELEMENTS, 0));
        const evaluation = evaluationAt(diffusion, state);
        const whole = stepSampler(diffusion, config, state, evaluation, noiseAt(state)).state.tensors.x;
        const item = (tensor: Float32Array, n: number) =>
          tensor.slice((n * tensor.length) / 3, ((n + 1) * tensor.length) / 3);
        for (const n of [0, 1, 2]) {
          const alone = stepSampler(
            diffusion,
            { ...config, batch: 1 },
            { ...state, tensors: { x: item(state.tensors.x, n) } },
            { modelOutput: item(evaluation.modelOutput, n), gradient: item(evaluation.gradient!, n) },
            item(noiseAt(state), n),
          );
          expect(alone.state.tensors.x).toEqual(item(whole, n));
        }
      }),
    );
  });

  it('does not read a noise or a gradient that it says it does not need', () => {
    fc.assert(
      fc.property(anyDiffusion, anyConfig, (diffusion, options) => {
        const config = { ...CONFIG, ...options };
        let state = initSampler(diffusion, config, drawNoise([1, 2, 3], ELEMENTS, 0));
        while (!state.done) {
          const { modelOutput, gradient } = evaluationAt(diffusion, state);
          const full = stepOnce(diffusion, config, state);
          const least = stepSampler(
            diffusion,
            config,
            state,
            { modelOutput, gradient: needsGradient(diffusion, config, state) ? gradient : null },
            needsNoise(diffusion, config, state) ? noiseAt(state) : null,
          );
          expect(least).toEqual(full);
          state = full.state;
        }
        expect([needsNoise(diffusion, config, state), needsGradient(diffusion, config, state)]).toEqual([
          false,
          false,
        ]);
      }),
    );
  });

  it('applies the denoised function before the clamp', () => {
    const diffusion = createDiffusion(settingsWith({ meanType: 'x_start' }), '5');
    const state = initSampler(diffusion, CONFIG, new Float32Array(3 * ELEMENTS).fill(0.5));
    const predicted = (scale: number) => {
      const config = { ...CONFIG, denoisedFn: (x0: Float32Array) => x0.map((value) => scale * value) };
      const modelOutput = new Float32Array(3 * ELEMENTS).fill(4);
      return stepSampler(diffusion, config, state, { modelOutput, gradient: null }, noiseAt(state))
        .predXStart[0];
    };
    expect([predicted(0.125), predicted(1), predicted(-2)]).toEqual([0.5, 1, -1]);
  });

  it('names what does not fit', () => {
    const diffusion = createDiffusion(settingsWith({ varianceType: 'learned_range' }), '5');
    const config = { ...CONFIG, guidanceScale: 1 };
    const x = new Float32Array(3 * ELEMENTS);
    const state = initSampler(diffusion, config, x);
    const good = { modelOutput: new Float32Array(6 * ELEMENTS), gradient: x };
    const step =
      (evaluation: StepEvaluation, noise: Float32Array | null, from = state) =>
      () =>
        stepSampler(diffusion, config, from, evaluation, noise);
    expect(step({ ...good, modelOutput: x }, x)).toThrow('the model output holds 54 values, expected 108');
    expect(step({ ...good, gradient: null }, x)).toThrow('the gradient is missing');
    expect(step(good, null)).toThrow('the noise is missing');
    expect(step(good, x, { ...state, sampler: 'ddim' })).toThrow(
      `sampler "ddim" can't be continued with "ddpm"`,
    );
    expect(step(good, x, { ...state, t: 5 })).toThrow('timestep 5 is outside 0..4');
    expect(step(good, x, { ...state, done: true })).toThrow('there is no next step');
    expect(() => initSampler(diffusion, { ...config, batch: 4 }, x)).toThrow('not a batch of 4 images');
    expect(() => initSampler(diffusion, { ...config, sampler: 'ddim_inversion' }, x)).toThrow(
      'is not guided',
    );
    expect(() =>
      initSampler(diffusion, { ...config, sampler: 'ddim_inversion', guidanceScale: 0, eta: 1 }, x),
    ).toThrow('eta has to be 0');
    expect(() => initSampler(diffusion, { ...config, sampler: 'euler' as 'ddim' }, x)).toThrow(
      'unknown sampler "euler"',
    );
  });
});

describe('initSampler', () => {
  it('keeps a copy, so that the caller may reuse the array', () => {
    const x = new Float32Array(3 * ELEMENTS);
    const state = initSampler(createDiffusion(settingsWith(), '5'), CONFIG, x);
    x.fill(1);
    expect(state.tensors.x[0]).toBe(0);
  });
});

describe('needsGradient', () => {
  it('is false at the last ancestral step with the fixed small variance, which is 0 there', () => {
    const at = (varianceType: (typeof VARIANCE_TYPES)[number], t: number) => {
      const diffusion = createDiffusion(settingsWith({ varianceType }), '5');
      const config = { ...CONFIG, guidanceScale: 2 };
      const state = { ...initSampler(diffusion, config, new Float32Array(3 * ELEMENTS)), t };
      return needsGradient(diffusion, config, state);
    };
    expect([at('fixed_small', 0), at('fixed_small', 1), at('fixed_large', 0)]).toEqual([false, true, true]);
  });
});
