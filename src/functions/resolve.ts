/** From a valid request to a complete job: the model's defaults filled in, everything checked against the model. */
import { createDiffusion, RespacingError } from '../core/index.ts';
import type { Reproducibility, SampleSpec, WebhookTarget } from '../durable/spec.ts';
import type { Env } from '../env.ts';
import { isId, newId } from '../ids.ts';
import { readPrecision } from '../inference/fleet/configuration.ts';
import {
  diffusionSettingsOf,
  type ModelManifest,
  modelDigest,
  type SamplerName,
} from '../models/manifest.ts';
import { findModel, listModels } from '../models/registry.ts';
import { MAX_IMAGE_STEPS, MAX_SEED } from './limits.ts';
import { fieldProblem, Problem } from './problem.ts';
import type { SampleRequest } from './schemas/sample-request.ts';
import { webhookUrlProblem } from './webhooks/url-policy.ts';

/** Who asks, and where. */
export interface RequestOrigin {
  readonly account: string;
  /** Of the request, e.g. `https://api.example.com`. */
  readonly origin: string;
}

/** @throws {Problem} naming the field */
export function resolveSample(
  request: SampleRequest,
  { account, origin }: RequestOrigin,
  env: Env,
): SampleSpec {
  const manifest = findModel(request.model);
  if (manifest === null) {
    const known = listModels().map((model) => model.id);
    throw fieldProblem(
      'unknown-model',
      '/model',
      `no model ${JSON.stringify(request.model)}; there is ${known.join(', ')}`,
    );
  }
  const { defaults } = manifest;
  const sampler = request.sampler ?? defaults.sampler;
  const steps = typeof request.steps === 'string' ? request.steps : spacing(request.steps, sampler, manifest);
  const guidanceScale =
    request.guidance_scale ?? (manifest.graphs.gradient === undefined ? 0 : defaults.guidance_scale);
  const classes = resolveClasses(request, manifest, guidanceScale);
  const count = request.count ?? request.classes?.length ?? 1;
  const numSteps = countSteps(manifest, steps);
  if (count * numSteps > MAX_IMAGE_STEPS) {
    const detail = `${count} images of ${numSteps} steps are ${count * numSteps} image steps; at most ${MAX_IMAGE_STEPS} fit in one job`;
    throw fieldProblem('limit-exceeded', '/count', detail);
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
    guidanceScale,
    seed: request.seed ?? randomSeed(),
    count,
    classes,
    batchSize: manifest.max_batch_size,
    reproducibility: request.reproducibility ?? defaultReproducibility(env),
    precision: readPrecision(env),
    keepState: request.keep_state ?? false,
    webhook: resolveWebhook(request, env),
    origin,
  };
}

function resolveClasses(
  request: SampleRequest,
  manifest: ModelManifest,
  guidanceScale: number,
): number[] | null {
  if (request.class !== undefined && request.classes !== undefined) {
    throw fieldProblem('invalid-request', '/classes', 'give either class or classes, not both');
  }
  if (guidanceScale > 0 && manifest.graphs.gradient === undefined) {
    throw fieldProblem(
      'invalid-request',
      '/guidance_scale',
      `model ${manifest.id} has no classifier; only 0 is possible`,
    );
  }
  if (request.class !== undefined) return [classIndex(request.class, manifest, '/class')];
  if (request.classes !== undefined) {
    return request.classes.map((label, i) => classIndex(label, manifest, `/classes/${i}`));
  }
  if (guidanceScale > 0 || manifest.class_conditional) {
    const why = guidanceScale > 0 ? 'guidance needs a class' : `model ${manifest.id} needs a class`;
    throw fieldProblem('invalid-request', '/class', `required: ${why}; give class or classes`);
  }
  return null;
}

function classIndex(label: number | string, manifest: ModelManifest, pointer: string): number {
  const index = typeof label === 'number' ? label : manifest.classes.indexOf(label);
  if (index >= 0 && index < manifest.classes.length) return index;
  const expected = `an index from 0 to ${manifest.classes.length - 1} or a name that /v1/models/${manifest.id} lists`;
  throw fieldProblem(
    'class-out-of-range',
    pointer,
    `${JSON.stringify(label)} is no class of ${manifest.id}; expected ${expected}`,
  );
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
  return { url: webhook.url, secret: webhook.secret ?? null };
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
