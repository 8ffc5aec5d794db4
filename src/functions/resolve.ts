/** From a valid request to a complete job: the model's defaults filled in, everything checked against the model. */
import { createDiffusion, guidesAnywhere, RespacingError } from '../core/index.ts';
import { readLocations } from '../durable/batch-object.ts';
import { DEFAULT_EVENTS } from '../durable/job/event-names.ts';
import {
  type Classes,
  isLarge,
  type Patch,
  type Reproducibility,
  type SampleSpec,
  type WebhookTarget,
} from '../durable/spec.ts';
import type { Env } from '../env.ts';
import { isId, newId } from '../ids.ts';
import { readPrecision } from '../inference/fleet/configuration.ts';
import {
  diffusionSettingsOf,
  type ModelManifest,
  modelDigest,
  type SamplerName,
} from '../models/manifest.ts';
import { findModel, missingModel } from '../models/registry.ts';
import { resolveKeepTrajectory } from './keep-trajectory.ts';
import { requirePossible } from './large-run.ts';
import { MAX_IMAGE_STEPS, MAX_SEED } from './limits.ts';
import { fieldProblem, Problem } from './problem.ts';
import { retentionSeconds } from './retention.ts';
import type { SamplePatch, SampleRequest } from './schemas/sample-request.ts';
import { imagesNamedBy, resolveClasses, resolveGuidance, resolveTargets } from './steering.ts';
import { webhookUrlProblem } from './webhooks/url-policy.ts';

/** Who asks, and where. */
export interface RequestOrigin {
  readonly account: string;
  /** Of the request, e.g. `https://api.example.com`. */
  readonly origin: string;
  /** ms since the epoch. */
  readonly now: number;
}

/** @throws {Problem} naming the field */
export function resolveSample(
  request: SampleRequest,
  { account, origin, now }: RequestOrigin,
  env: Env,
): SampleSpec {
  const manifest = findModel(request.model);
  if (manifest === null) {
    throw fieldProblem('unknown-model', '/model', missingModel(request.model));
  }
  const { defaults } = manifest;
  const sampler = request.sampler ?? defaults.sampler;
  const steps = typeof request.steps === 'string' ? request.steps : spacing(request.steps, sampler, manifest);
  const numSteps = countSteps(manifest, steps);
  const wanted =
    request.guidance_scale ?? (manifest.graphs.gradient === undefined ? 0 : defaults.guidance_scale);
  const guidance = resolveGuidance(wanted, manifest, numSteps);
  const classes = requireClasses(request, manifest, guidesAnywhere(guidance));
  const count = countOf(request, classes);
  requirePossible(request, count);
  readLocations(env);
  if (count * numSteps > MAX_IMAGE_STEPS) {
    const detail = `${count} images of ${numSteps} steps are ${count * numSteps} image steps; at most ${MAX_IMAGE_STEPS} fit in one job`;
    throw fieldProblem('limit-exceeded', request.count === undefined ? '/steps' : '/count', detail);
  }
  if (request.eta !== undefined && request.eta !== 0 && sampler !== 'ddim') {
    throw fieldProblem(
      'invalid-request',
      '/eta',
      `only the ddim sampler has an eta, this job's is ${sampler}`,
    );
  }
  return {
    id: newId('smp'),
    account,
    model: manifest.id,
    modelDigest: modelDigest(manifest),
    sampler,
    steps,
    numSteps,
    eta: sampler === 'ddim' ? (request.eta ?? defaults.eta) : 0,
    clipDenoised: request.clip_denoised ?? defaults.clip_denoised,
    guidance,
    seed: request.seed ?? randomSeed(),
    count,
    classes,
    batchSize: manifest.max_batch_size,
    reproducibility: request.reproducibility ?? defaultReproducibility(env),
    precision: readPrecision(env),
    keepTrajectory: resolveKeepTrajectory(request.keep_trajectory, manifest, {
      count,
      batchSize: manifest.max_batch_size,
      first: 0,
      last: numSteps,
    }),
    keepState: request.keep_state ?? false,
    previewEvery: request.preview_every ?? (isLarge({ count }) ? 0 : defaultPreviewEvery(numSteps)),
    deadlineAt: request.deadline_seconds === undefined ? null : now + request.deadline_seconds * 1000,
    retentionSeconds: retentionSeconds(request.retention_seconds, env),
    priority: request.priority ?? 'normal',
    metadata: request.metadata ?? {},
    webhook: resolveWebhook(request, env),
    origin,
  };
}

/**
 * A change of course for a job that runs.
 *
 * @throws {Problem} naming the field, or unknown-model if the job's model is gone
 */
export function resolvePatch(request: SamplePatch, spec: SampleSpec): Omit<Patch, 'seq'> {
  const manifest = findModel(spec.model);
  if (manifest === null) throw new Problem('unknown-model', `this deployment has no model ${spec.model}`);
  const classes = resolveTargets(request, manifest);
  const guidance =
    request.guidance_scale === undefined
      ? null
      : resolveGuidance(request.guidance_scale, manifest, spec.numSteps);
  if (guidance !== null && guidesAnywhere(guidance) && classes === null && spec.classes === null) {
    throw fieldProblem('invalid-request', '/class', 'required: the sample was made without a class');
  }
  return { guidance, classes };
}

/** @throws {Problem} if something in the job needs a class and the request names none */
function requireClasses(request: SampleRequest, manifest: ModelManifest, guided: boolean): Classes | null {
  const classes = resolveClasses(request, manifest);
  if (classes !== null || !(guided || manifest.class_conditional)) return classes;
  const why = guided ? 'guidance needs a class' : `model ${manifest.id} needs a class`;
  throw fieldProblem('invalid-request', '/class', `required: ${why}; give class, classes or labels`);
}

/** @throws {Problem} if the request counts its images in two ways that differ */
function countOf({ count, labels }: SampleRequest, classes: Classes | null): number {
  const named = imagesNamedBy(classes);
  if (typeof labels === 'object' && count !== undefined && count !== named) {
    throw fieldProblem('invalid-request', '/count', `labels is of ${named} images; leave count out`);
  }
  return count ?? named ?? 1;
}

/**
 * A plain number leaves the spacing to us. DDIM wants a fixed stride (`ddimN`, which begins one stride before the end):
 * at the very last timesteps x_t holds next to nothing of x_0, and a guided DDIM step, whose x_0 is not clamped again,
 * would start from a predicted x_0 hundreds of times too large.
 */
function spacing(count: number | undefined, sampler: SamplerName, manifest: ModelManifest): string {
  const steps = count === undefined ? manifest.defaults.steps : String(count);
  if (sampler !== 'ddim' || !/^\d+$/.test(steps)) return steps;
  return isPossible(manifest, `ddim${steps}`) ? `ddim${steps}` : steps;
}

function isPossible(manifest: ModelManifest, steps: string): boolean {
  try {
    createDiffusion(diffusionSettingsOf(manifest), steps);
    return true;
  } catch {
    return false;
  }
}

function countSteps(manifest: ModelManifest, steps: string): number {
  try {
    return createDiffusion(diffusionSettingsOf(manifest), steps).numTimesteps;
  } catch (error) {
    if (!(error instanceof RespacingError || error instanceof RangeError)) throw error;
    throw fieldProblem('invalid-steps', '/steps', error.message);
  }
}

/** About a dozen previews, whatever the number of steps. */
function defaultPreviewEvery(numSteps: number): number {
  return Math.max(1, Math.round(numSteps / 14));
}

/** Exact unless the operator prefers throughput: a seed names a picture, whatever happens while it is drawn. */
function defaultReproducibility(env: Env): Reproducibility {
  const value = env.DEFAULT_REPRODUCIBILITY || 'exact';
  if (value === 'exact' || value === 'fast') return value;
  throw new Error(`DEFAULT_REPRODUCIBILITY is ${JSON.stringify(value)}, expected "exact" or "fast"`);
}

function resolveWebhook({ webhook }: SampleRequest, env: Env): WebhookTarget | null {
  if (webhook === undefined) return null;
  const problem = webhookUrlProblem(webhook.url, env.ALLOW_PRIVATE_WEBHOOKS === 'true');
  if (problem !== null) throw fieldProblem('invalid-request', '/webhook/url', problem);
  if (webhook.secret === undefined && env.WEBHOOK_SECRET === undefined) {
    throw fieldProblem(
      'invalid-request',
      '/webhook/secret',
      'required: this deployment has no signing secret of its own',
    );
  }
  return { url: webhook.url, secret: webhook.secret ?? null, events: webhook.events ?? DEFAULT_EVENTS };
}

/** A job without a seed gets one, and its answer says which: every picture can be made again. */
function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return Math.min((high! & 0x1fffff) * 2 ** 32 + low!, MAX_SEED);
}

/** @throws {Problem} for an id that was never given out */
export function requireSampleId(id: string): string {
  if (isId('smp', id)) return id;
  throw new Problem('unknown-sample', `no sample ${JSON.stringify(id)}`);
}
