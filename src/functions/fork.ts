/** From a kept step of a job to another job that goes on from it: what is not named stays as it was. */
import {
  diffusionAt,
  type GuidanceSchedule,
  guidanceScaleAt,
  guidesAnywhere,
  RespacingError,
  tailTimesteps,
  withTail,
} from '../core/index.ts';
import type { SteeredFrom } from '../durable/batch/course.ts';
import type { JobRecord } from '../durable/job/job-record.ts';
import type { SampleSpec } from '../durable/spec.ts';
import type { Env } from '../env.ts';
import { diffusionSettingsOf, type ModelManifest } from '../models/manifest.ts';
import { resolveKeepTrajectory } from './keep-trajectory.ts';
import { forkableSteps, keptStepsOf } from './kept-steps.ts';
import { refuseLarge } from './large-run.ts';
import { MAX_IMAGE_STEPS } from './limits.ts';
import { fieldProblem, Problem } from './problem.ts';
import { type RequestOrigin, resolveSample } from './resolve.ts';
import type { ForkRequest } from './schemas/fork-request.ts';
import { resolveGuidance, resolveTargets } from './steering.ts';
import { recordedCourse, sameModel, timestepsOf } from './taken-on.ts';

/** @throws {Problem} naming the field, or why this job can't be forked there */
export async function resolveFork(
  request: ForkRequest,
  source: JobRecord,
  origin: RequestOrigin,
  env: Env,
): Promise<SampleSpec> {
  const { spec } = source;
  if (spec.kind === 'inversion') {
    const detail =
      'an inversion leads to noise; draw from its latent with start_from, or fork what that gives';
    throw new Problem('not-forkable', detail);
  }
  refuseLarge(
    spec,
    'not-forkable',
    'keeps no steps; make samples of at most 256 images with keep_trajectory',
  );
  const manifest = sameModel(spec);
  const steps = forkableSteps(await keptStepsOf(env, spec));
  const { step } = request;
  if (!steps.includes(step)) {
    const there = steps.length === 0 ? 'none: make samples with keep_trajectory' : steps.join(', ');
    throw new Problem(
      'step-not-kept',
      `no fork can begin at step ${step}; kept by every batch so far: ${there}`,
    );
  }
  const { timesteps, tail } = processOf(request, spec, manifest);
  const common = commonFields(request, source, timesteps.length, manifest, origin, env);
  const targets = resolveTargets(request, manifest);
  const guidance = guidanceOf(request, spec, manifest, {
    timesteps,
    tail,
    changed: request.steps !== undefined,
  });
  const classes = targets ?? spec.classes;
  if (guidesAnywhere(guidance) && classes === null) {
    throw fieldProblem('invalid-request', '/class', 'required: the source was made without a class');
  }
  const walk = { count: spec.count, batchSize: spec.batchSize, first: step, last: timesteps.length };
  return {
    ...common,
    kind: 'sample',
    modelDigest: spec.modelDigest,
    steps: request.steps === undefined ? spec.steps : String(request.steps),
    timesteps: request.steps === undefined ? (spec.timesteps ?? null) : timesteps,
    numSteps: timesteps.length,
    guidance,
    classes,
    batchSize: spec.batchSize,
    reproducibility: request.reproducibility ?? spec.reproducibility,
    precision: spec.precision,
    keepTrajectory: resolveKeepTrajectory(request.keep_trajectory, manifest, walk),
    start: { type: 'kept', sample: spec.id, step },
    sharedSteps: step,
    forkedFrom: { id: spec.id, step },
    course: takenOn(request, recordedCourse(source), step),
  };
}

/** The fields that mean the same in a fork as in a job of its own. */
function commonFields(
  { step: _, steps: __, class: ___, classes: ____, guidance_scale: _____, ...rest }: ForkRequest,
  { spec }: JobRecord,
  numSteps: number,
  manifest: ModelManifest,
  origin: RequestOrigin,
  env: Env,
): SampleSpec {
  const sampler = rest.sampler ?? (spec.sampler === 'ddim' ? 'ddim' : 'ddpm');
  const eta = rest.eta ?? (sampler === 'ddim' && spec.sampler === 'ddim' ? spec.eta : undefined);
  return resolveSample(
    {
      ...rest,
      keep_trajectory: undefined, // held against the tail, not against the whole
      model: spec.model,
      count: spec.count,
      sampler,
      ...(eta !== undefined && { eta }),
      seed: rest.seed ?? spec.seed,
      clip_denoised: rest.clip_denoised ?? spec.clipDenoised,
      steps: String(numSteps),
      guidance_scale: 0,
      ...(manifest.class_conditional && { class: 0 }), // replaced by the fork's own
    },
    origin,
    env,
  );
}

/** The timesteps of the whole trajectory, and how many of them the tail has. */
function processOf(
  { step, steps }: ForkRequest,
  spec: SampleSpec,
  manifest: ModelManifest,
): { timesteps: readonly number[]; tail: number } {
  const walked = timestepsOf(spec, manifest);
  const t = walked.length - 1 - step;
  try {
    const tail = steps === undefined ? walked.slice(0, t + 1) : tailTimesteps(walked[t]!, String(steps));
    if (tail.length * spec.count > MAX_IMAGE_STEPS) {
      const detail = `${spec.count} images of ${tail.length} steps are ${tail.length * spec.count} image steps; at most ${MAX_IMAGE_STEPS} fit in one job`;
      throw fieldProblem('limit-exceeded', '/steps', detail);
    }
    const timesteps = withTail(walked, t, tail);
    diffusionAt(diffusionSettingsOf(manifest), timesteps);
    return { timesteps, tail: tail.length };
  } catch (error) {
    if (!(error instanceof RespacingError)) throw error;
    throw fieldProblem('invalid-steps', '/steps', `after step ${step}: ${error.message}`);
  }
}

interface Tail {
  readonly timesteps: readonly number[];
  readonly tail: number;
  /** Whether its steps are others than those of the source. */
  readonly changed: boolean;
}

/** A list has a scale for each step of the tail; those of the shared steps before it are the source's. */
function guidanceOf(
  request: ForkRequest,
  { guidance }: SampleSpec,
  manifest: ModelManifest,
  { timesteps, tail, changed }: Tail,
): GuidanceSchedule {
  if (request.guidance_scale === undefined) {
    if (changed && typeof guidance === 'object' && guidance.type === 'list') {
      const detail = `required: the source's guidance is a list with a scale for each of its steps; give one for the ${tail} of the tail`;
      throw fieldProblem('invalid-request', '/guidance_scale', detail);
    }
    return guidance;
  }
  const wanted = resolveGuidance(request.guidance_scale, manifest, tail);
  if (typeof wanted === 'number' || wanted.type !== 'list') return wanted;
  const shared = Array.from({ length: request.step }, (_, step) =>
    guidanceScaleAt(guidance, {
      step,
      timestep: timesteps[timesteps.length - 1 - step]!,
      timesteps: manifest.diffusion.steps,
    }),
  );
  return { type: 'list', scales: [...shared, ...wanted.scales] };
}

/**
 * The source's changes of course go on in the fork, but for what the fork sets itself. With other steps those that came
 * after the fork's begin have no step to hold from, and neither has a list of scales.
 */
function takenOn(request: ForkRequest, course: readonly SteeredFrom[][], step: number): SteeredFrom[][] {
  const setsClasses = request.class !== undefined || request.classes !== undefined;
  return course.map((patches) =>
    patches
      .filter((patch) => request.steps === undefined || patch.step <= step)
      .map((patch) => ({
        ...patch,
        classes: setsClasses ? null : patch.classes,
        guidance: request.guidance_scale === undefined ? patch.guidance : null,
      }))
      .filter(({ classes, guidance }) => classes !== null || guidance !== null),
  );
}
