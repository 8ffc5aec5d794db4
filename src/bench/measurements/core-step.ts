import {
  createDiffusion,
  drawNoise,
  initSampler,
  type SamplerConfig,
  type SamplerName,
  stepSampler,
} from '../../core/index.ts';
import { interleave, type Sample } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';

const SHAPES = [
  [10, 1, 32, 32],
  [4, 3, 64, 64],
  [1, 3, 256, 256],
] as const;
const SAMPLERS: readonly SamplerName[] = ['ddpm', 'ddim'];
/** Elements per sample: tens of milliseconds. */
const ELEMENTS_PER_SAMPLE = 2_000_000;
const ROUNDS = 15;
/** The engine compiles hot loops in several tiers. */
const WARM_UPS = 4;

export const coreStep: Measurement = {
  name: 'core-step',
  title: "The sampler's arithmetic",
  method: `One guided step of a model with learned variance range, per element of x_t, in Node, with the networks' answer
and the noise given. The floor reads two arrays and writes a third: one multiplication and one addition per element.`,
  async run({ quick, onProgress }) {
    const rounds = quick ? 3 : ROUNDS;
    const rows: Row[] = [];
    for (const shape of SHAPES) {
      onProgress(`[${shape}]`);
      const [n, c, h, w] = shape;
      const a = drawNoise([1], n * c * h * w, 0);
      const b = drawNoise([2], a.length, 0);
      const out = new Float32Array(a.length);
      const floor = perElement(a.length, multiplyAdd, out, a, b);
      for (const sampler of SAMPLERS) {
        const step = guidedStep(sampler, shape, a, b);
        const times = await interleave({ ours: perElement(a.length, step), floor }, rounds, WARM_UPS);
        rows.push({
          name: `${sampler} step per element, [${shape}]`,
          unit: 'ns',
          floorIs: 'a multiply-add',
          ...compare(times.ours, times.floor),
        });
      }
      if (shape !== SHAPES.at(-1)) continue;
      const copy = perElement(a.length, copyOver, out, a);
      const times = await interleave({ ours: floor, floor: copy }, rounds, WARM_UPS);
      rows.push({
        name: `a multiply-add per element, [${shape}]`,
        unit: 'ns',
        floorIs: 'a copy',
        ...compare(times.ours, times.floor),
      });
    }
    return rows;
  },
};

function guidedStep(
  sampler: SamplerName,
  [batch, channels]: (typeof SHAPES)[number],
  x: Float32Array,
  noise: Float32Array,
): () => void {
  const diffusion = createDiffusion(
    {
      steps: 1000,
      noiseSchedule: 'linear',
      meanType: 'epsilon',
      varianceType: 'learned_range',
      rescaleTimesteps: false,
    },
    '50',
  );
  const config: SamplerConfig = { sampler, eta: 0, clipDenoised: true, guidanceScale: 1, channels, batch };
  const state = initSampler(diffusion, config, x);
  const modelOutput = new Float32Array(2 * x.length);
  modelOutput.set(noise);
  modelOutput.set(x, x.length);
  return () => stepSampler(diffusion, config, state, { modelOutput, gradient: noise }, noise);
}

function multiplyAdd(out: Float32Array, a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = 1.5 * a[i]! + b[i]!;
}

function copyOver(out: Float32Array, a: Float32Array): void {
  out.set(a);
}

/**
 * Arguments are handed on, not closed over: a loop that the engine inlines into a closure over its arrays runs several
 * times slower.
 *
 * @returns a sample in nanoseconds per element
 */
function perElement<A extends unknown[]>(elements: number, work: (...args: A) => void, ...args: A): Sample {
  const times = Math.ceil(ELEMENTS_PER_SAMPLE / elements);
  return () => {
    const startedAt = performance.now();
    for (let i = 0; i < times; i++) work(...args);
    return ((performance.now() - startedAt) * 1e6) / (times * elements);
  };
}
