/** The walk of one batch from T to 0 as pure steps: what to ask the networks, and what follows from the answer. */
import {
  createDiffusion,
  type Diffusion,
  diffusionAt,
  drawNoise,
  forkState,
  guidanceScaleAt,
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
import type { BatchSpec } from '../spec.ts';
import { type Course, courseAt, type SteeredFrom } from './course.ts';
import { labelsOf, targetsOf } from './targets.ts';

export class Trajectory {
  readonly diffusion: Diffusion;
  readonly #config: Omit<SamplerConfig, 'guidanceScale'>;
  readonly #spec: BatchSpec;
  readonly #manifest: ModelManifest;
  readonly #seeds: readonly number[];
  /** Noise calls walk from x_T (call 0) to the last step; see {@link drawNoise}. */
  readonly #elements: number;
  /** What decides the bits of an evaluation beside its tensors: the same for every step of the job. */
  readonly #numerics: Pick<EvaluationRequest, 'exact' | 'precision'>;
  #patches: readonly SteeredFrom[];

  /** @param patches changes of course and the steps they hold from, by `seq` */
  constructor(spec: BatchSpec, manifest: ModelManifest, patches: readonly SteeredFrom[] = []) {
    const { job, first, size } = spec;
    const { channels, height, width } = manifest.image;
    this.#spec = spec;
    this.#manifest = manifest;
    this.#patches = patches;
    const settings = diffusionSettingsOf(manifest);
    this.diffusion =
      job.timesteps == null ? createDiffusion(settings, job.steps) : diffusionAt(settings, job.timesteps);
    this.#config = {
      sampler: job.sampler,
      eta: job.eta,
      clipDenoised: job.clipDenoised,
      channels,
      batch: size,
    };
    this.#numerics = { exact: job.reproducibility !== 'fast', precision: job.precision };
    this.#elements = channels * height * width;
    this.#seeds = Array.from({ length: size }, (_, i) => imageSeed(job.seed, first + i));
  }

  /** The patches of the batch, now. Those that hold from steps already asked for must not change. */
  steer(patches: readonly SteeredFrom[]): void {
    this.#patches = patches;
  }

  /** State before the first step: x_T, noise call 0 of every image. */
  start(): SamplerState {
    return this.startAt(drawNoise(this.#seeds, this.#elements, 0));
  }

  /**
   * State before the first step from noise, or for an inversion an image, that comes from elsewhere.
   *
   * @param x `[N, C, H, W]`
   */
  startAt(x: Float32Array): SamplerState {
    return initSampler(this.diffusion, { ...this.#config, guidanceScale: 0 }, x);
  }

  /** The state of another walk after as many steps as this one shares with it, made ready for the way that lies ahead. */
  goOnFrom(kept: SamplerState): SamplerState {
    const { sampler } = this.#config;
    if (sampler === 'ddim_inversion') return kept;
    const { tensors, ...scalars } = kept;
    const tail = this.#spec.job.numSteps - kept.step;
    const { state, keepsHistory } = forkState(scalars, { sampler, tail });
    return { ...state, tensors: keepsHistory ? tensors : { x: tensors.x } };
  }

  /** What the networks are asked at this state: everything the step needs, in one call. */
  request(state: SamplerState): EvaluationRequest {
    const { channels, height, width } = this.#manifest.image;
    const { size } = this.#spec;
    const course = this.#courseAt(state);
    const targets = targetsOf(course.classes, this.#spec, this.#manifest.classes.length);
    const guided = targets !== null && needsGradient(this.diffusion, this.#configAt(state), state);
    return {
      model: this.#manifest.id,
      ...this.#numerics,
      shape: [size, channels, height, width],
      x: state.tensors.x,
      timestep: new Float32Array(size).fill(modelTimestep(this.diffusion, state.t)),
      ...(this.#manifest.class_conditional && { label: labelsOf(course.classes, this.#spec) }),
      ...(guided && { target: targets }),
    };
  }

  /** Noise of the step from this state, `[N, C, H, W]`; the k-th step uses noise call k. Null where it is masked. */
  noise(state: SamplerState): Float32Array | null {
    return needsNoise(this.diffusion, this.#configAt(state), state)
      ? drawNoise(this.#seeds, this.#elements, state.step + 1)
      : null;
  }

  /** x_{t-1} and the predicted x_start. */
  advance(state: SamplerState, evaluation: Evaluation, noise: Float32Array | null): StepResult {
    return stepSampler(this.diffusion, this.#configAt(state), state, evaluation, noise);
  }

  /** Timestep of the trained process that the networks see next; null once the walk is over. */
  timestepAt(state: SamplerState): number | null {
    return state.done ? null : this.diffusion.timestepMap[state.t]!;
  }

  /** The guidance scale of the step from this state. */
  scaleAt(state: SamplerState): number {
    const course = this.#courseAt(state);
    if (course.classes === null) return 0;
    return guidanceScaleAt(course.guidance, {
      step: state.step,
      timestep: this.diffusion.timestepMap[state.t]!,
      timesteps: this.diffusion.settings.steps,
    });
  }

  #configAt(state: SamplerState): SamplerConfig {
    return { ...this.#config, guidanceScale: this.scaleAt(state) };
  }

  #courseAt({ step }: SamplerState): Course {
    const { job, index } = this.#spec;
    return courseAt(job, [...(job.course?.[index] ?? []), ...this.#patches], step);
  }
}
