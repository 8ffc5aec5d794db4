/** The walk of one batch from T to 0 as pure steps: what to ask the networks, and what follows from the answer. */
import {
  createDiffusion,
  type Diffusion,
  drawNoise,
  imageSeed,
  initSampler,
  modelTimestep,
  needsGradient,
  needsNoise,
  type SamplerConfig,
  type SamplerState,
  type StepResult,
  stepSampler,
} from '../../core/index.ts';
import type { Evaluation, EvaluationRequest } from '../../inference/backend.ts';
import { diffusionSettingsOf, type ModelManifest } from '../../models/manifest.ts';
import { type BatchSpec, classOf } from '../spec.ts';

export class Trajectory {
  readonly diffusion: Diffusion;
  readonly #config: SamplerConfig;
  readonly #manifest: ModelManifest;
  readonly #seeds: readonly number[];
  /** Noise calls walk from x_T (call 0) to the last step; see {@link drawNoise}. */
  readonly #elements: number;
  readonly #labels: Int32Array | null;
  readonly #target: Float32Array | null;
  /** What decides the bits of an evaluation beside its tensors: the same for every step of the job. */
  readonly #numerics: Pick<EvaluationRequest, 'exact' | 'precision'>;

  constructor(spec: BatchSpec, manifest: ModelManifest) {
    const { job, first, size } = spec;
    const { channels, height, width } = manifest.image;
    this.#manifest = manifest;
    this.diffusion = createDiffusion(diffusionSettingsOf(manifest), job.steps);
    this.#config = {
      sampler: job.sampler,
      eta: job.eta,
      clipDenoised: job.clipDenoised,
      guidanceScale: job.guidanceScale,
      channels,
      batch: size,
    };
    this.#numerics = { exact: job.reproducibility !== 'fast', precision: job.precision };
    this.#elements = channels * height * width;
    const images = Array.from({ length: size }, (_, i) => first + i);
    this.#seeds = images.map((image) => imageSeed(job.seed, image));
    const classes = images.map((image) => classOf(job, image));
    this.#labels = manifest.class_conditional ? Int32Array.from(classes.map((c) => c ?? 0)) : null;
    this.#target =
      job.classes === null
        ? null
        : oneHot(
            classes.map((c) => c ?? 0),
            manifest.classes.length,
          );
  }

  /** State before the first step: x_T, noise call 0 of every image. */
  start(): SamplerState {
    return initSampler(this.diffusion, this.#config, drawNoise(this.#seeds, this.#elements, 0));
  }

  /** What the networks are asked at this state: everything the step needs, in one call. */
  request(state: SamplerState): EvaluationRequest {
    const { channels, height, width } = this.#manifest.image;
    const size = this.#seeds.length;
    const guided = this.#target !== null && needsGradient(this.diffusion, this.#config, state);
    return {
      model: this.#manifest.id,
      ...this.#numerics,
      shape: [size, channels, height, width],
      x: state.tensors.x,
      timestep: new Float32Array(size).fill(modelTimestep(this.diffusion, state.t)),
      ...(this.#labels !== null && { label: this.#labels }),
      ...(guided && this.#target !== null && { target: this.#target }),
    };
  }

  /** Noise of the step from this state, `[N, C, H, W]`; the k-th step uses noise call k. Null where it is masked. */
  noise(state: SamplerState): Float32Array | null {
    return needsNoise(this.diffusion, this.#config, state)
      ? drawNoise(this.#seeds, this.#elements, state.step + 1)
      : null;
  }

  /** x_{t-1} and the predicted x_start. */
  advance(state: SamplerState, evaluation: Evaluation, noise: Float32Array | null): StepResult {
    return stepSampler(this.diffusion, this.#config, state, evaluation, noise);
  }
}

function oneHot(classes: readonly number[], count: number): Float32Array {
  const target = new Float32Array(classes.length * count);
  classes.forEach((label, i) => {
    target[i * count + label] = 1;
  });
  return target;
}
