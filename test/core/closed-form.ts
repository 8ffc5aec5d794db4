/**
 * Guided sampling with known answers. Data are Gaussian, x_0 ~ N(m, diag(s^2)), and y = a . x_0 + N(0, tau^2) is
 * observed. Then the best epsilon, the gradient of log p(y | x_t) and the posterior p(x_0 | y) are all known.
 */
import {
  createDiffusion,
  drawNoise,
  initSampler,
  modelTimestep,
  needsNoise,
  type SamplerConfig,
  type StepEvaluation,
  stepSampler,
} from '../../src/core/index.ts';
import { settingsWith } from './settings.ts';

export const DATA = { mean: [0.8, -0.4], deviation: [0.6, 1.1] } as const;
export const OBSERVED = { direction: [1, 0.7], deviation: 0.5, y: -0.9 } as const;

export interface Moments {
  readonly mean: readonly [number, number];
  /** Variance of the first coordinate, covariance, variance of the second. */
  readonly covariance: readonly [number, number, number];
}

/** p(x_0 | y), by the formulas of a linear-Gaussian model. */
export function exactPosterior(): Moments {
  const [a0, a1] = OBSERVED.direction;
  const noise = OBSERVED.deviation ** 2;
  const p00 = 1 / DATA.deviation[0] ** 2 + a0 ** 2 / noise;
  const p11 = 1 / DATA.deviation[1] ** 2 + a1 ** 2 / noise;
  const p01 = (a0 * a1) / noise;
  const determinant = p00 * p11 - p01 ** 2;
  const b0 = DATA.mean[0] / DATA.deviation[0] ** 2 + (a0 * OBSERVED.y) / noise;
  const b1 = DATA.mean[1] / DATA.deviation[1] ** 2 + (a1 * OBSERVED.y) / noise;
  return {
    mean: [(p11 * b0 - p01 * b1) / determinant, (p00 * b1 - p01 * b0) / determinant],
    covariance: [p11 / determinant, -p01 / determinant, p00 / determinant],
  };
}

/** p(x_0), what unguided sampling has to give. */
export function exactPrior(): Moments {
  return {
    mean: DATA.mean,
    covariance: [DATA.deviation[0] ** 2, 0, DATA.deviation[1] ** 2],
  };
}

const trained = createDiffusion(settingsWith(), '');

/** Perfect networks at the timestep that they receive: the exact epsilon and the exact gradient. */
function perfectNetworks(x: Float32Array, timestep: number, learned: boolean): StepEvaluation {
  const alphaBar = trained.alphasCumprod[timestep]!;
  const root = Math.sqrt(alphaBar);
  const modelOutput = new Float32Array(learned ? 2 * x.length : x.length);
  const gradient = new Float32Array(x.length);
  // of p(x_0 | x_t): its variance, and how its mean moves with x_t
  const total = DATA.deviation.map((s) => alphaBar * s ** 2 + 1 - alphaBar) as [number, number];
  const variance = DATA.deviation.map((s, i) => (s ** 2 * (1 - alphaBar)) / total[i]!);
  const slope = DATA.deviation.map((s, i) => (root * s ** 2) / total[i]!) as [number, number];
  const [a0, a1] = OBSERVED.direction;
  const predictive = OBSERVED.deviation ** 2 + a0 ** 2 * variance[0]! + a1 ** 2 * variance[1]!;
  const noiseLevel = Math.sqrt(1 - alphaBar);
  const stride = learned ? 4 : 2;
  for (let n = 0; n < x.length / 2; n++) {
    const centred0 = x[2 * n]! - root * DATA.mean[0];
    const centred1 = x[2 * n + 1]! - root * DATA.mean[1];
    modelOutput[stride * n] = (noiseLevel * centred0) / total[0];
    modelOutput[stride * n + 1] = (noiseLevel * centred1) / total[1];
    if (learned) modelOutput.fill(0.2, stride * n + 2, stride * n + 4); // between the two fixed variances
    const predicted = a0 * (DATA.mean[0] + slope[0] * centred0) + a1 * (DATA.mean[1] + slope[1] * centred1);
    gradient[2 * n] = (slope[0] * a0 * (OBSERVED.y - predicted)) / predictive;
    gradient[2 * n + 1] = (slope[1] * a1 * (OBSERVED.y - predicted)) / predictive;
  }
  return { modelOutput, gradient };
}

export interface Experiment {
  readonly sampler: 'ddpm' | 'ddim';
  readonly eta: number;
  readonly guidanceScale: number;
  readonly varianceType?: 'fixed_small' | 'fixed_large' | 'learned_range';
  readonly samples: number;
  readonly respacing: string;
  /** Breaks something: what the sampler gets instead of the gradient, or the timestep that the networks get. */
  readonly sabotage?: {
    readonly gradient?: (gradient: Float32Array, variance: number) => Float32Array;
    readonly timestep?: (mapped: number, respaced: number) => number;
  };
}

const drawn = new Map<string, Float32Array>();

/** The same noise for every experiment of the same size: drawing it would take most of their time. */
function noiseOf(elements: number, call: number): Float32Array {
  const key = `${elements} ${call}`;
  const noise = drawn.get(key) ?? drawNoise([11], elements, call);
  drawn.set(key, noise);
  return noise;
}

/** Samples with perfect networks and gives the mean and covariance of what came out. */
export function sampleMoments(experiment: Experiment): Moments {
  const { samples, sabotage, varianceType = 'fixed_large' } = experiment;
  const diffusion = createDiffusion(settingsWith({ varianceType }), experiment.respacing);
  const config: SamplerConfig = { ...experiment, clipDenoised: false, channels: 2, batch: samples };
  let state = initSampler(diffusion, config, noiseOf(2 * samples, 0));
  while (!state.done) {
    const mapped = modelTimestep(diffusion, state.t);
    const timestep = sabotage?.timestep?.(mapped, state.t) ?? mapped;
    const { modelOutput, gradient } = perfectNetworks(
      state.tensors.x,
      timestep,
      varianceType === 'learned_range',
    );
    const variance = diffusion.posteriorVariance[Math.max(state.t, 1)]!;
    const given = sabotage?.gradient?.(gradient!, variance) ?? gradient;
    const noise = needsNoise(diffusion, config, state) ? noiseOf(2 * samples, state.step + 1) : null;
    state = stepSampler(diffusion, config, state, { modelOutput, gradient: given }, noise).state;
  }
  return momentsOf(state.tensors.x);
}

function momentsOf(points: Float32Array): Moments {
  const count = points.length / 2;
  const mean: [number, number] = [0, 0];
  for (let i = 0; i < points.length; i++) mean[i % 2 ? 1 : 0] += points[i]! / count;
  const covariance: [number, number, number] = [0, 0, 0];
  for (let n = 0; n < count; n++) {
    const d0 = points[2 * n]! - mean[0];
    const d1 = points[2 * n + 1]! - mean[1];
    covariance[0] += (d0 * d0) / count;
    covariance[1] += (d0 * d1) / count;
    covariance[2] += (d1 * d1) / count;
  }
  return { mean, covariance };
}

/** Largest deviation from the truth: of the means in true standard deviations, of the covariances in their products. */
export function deviation(measured: Moments, truth: Moments): number {
  const [v0, , v1] = truth.covariance;
  const scales = [Math.sqrt(v0), Math.sqrt(v1)] as const;
  const errors = [
    (measured.mean[0] - truth.mean[0]) / scales[0],
    (measured.mean[1] - truth.mean[1]) / scales[1],
    (measured.covariance[0] - v0) / v0,
    (measured.covariance[1] - truth.covariance[1]) / (scales[0] * scales[1]),
    (measured.covariance[2] - v1) / v1,
  ];
  return errors.some(Number.isNaN) ? Infinity : Math.max(...errors.map(Math.abs));
}
