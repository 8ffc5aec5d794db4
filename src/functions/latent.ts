/** Latents that requests name, held against the jobs that have them. */
import type { Context } from 'hono';
import type { Latent, SampleSpec } from '../durable/spec.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { AppEnv } from './app-env.ts';
import { keptStepsOf } from './kept-steps.ts';
import { fieldProblem, Problem, pointerOf } from './problem.ts';
import { ownedRecord } from './routes/owned-job.ts';
import type { StartFrom } from './schemas/start-from.ts';
import { timestepsOf } from './taken-on.ts';

export interface FoundLatent {
  readonly latent: Latent;
  /** Timestep of the trained process whose noise it has; null for x_T drawn from a seed, which any process begins with. */
  readonly timestep: number | null;
  readonly source: SampleSpec;
}

/**
 * @param path of the field that names it
 * @throws {Problem} unknown-sample, or naming the field
 */
export async function findLatent(
  c: Context<AppEnv>,
  { sample, image }: StartFrom,
  manifest: ModelManifest,
  path: readonly string[],
): Promise<FoundLatent> {
  const record = await owned(c, sample, path);
  const { spec } = record;
  if (spec.model !== manifest.id) {
    const detail = `${sample} is of model ${spec.model}, this job is of ${manifest.id}`;
    throw fieldProblem('invalid-request', pointerOf([...path, 'sample']), detail);
  }
  if (image >= spec.count) {
    const detail = `${sample} has ${spec.count} images`;
    throw fieldProblem('invalid-request', pointerOf([...path, 'image']), detail);
  }
  const batch = Math.floor(image / spec.batchSize);
  if (spec.kind === 'inversion') {
    if (record.status !== 'succeeded') {
      throw fieldProblem(
        'invalid-request',
        pointerOf([...path, 'sample']),
        'the inversion has not succeeded',
      );
    }
    const timestep = timestepsOf(spec, manifest).at(-1)!;
    return { latent: { sample, image, batch, of: 'result' }, timestep, source: spec };
  }
  const steps = await keptStepsOf(c.env, spec);
  if (steps.find(({ step }) => step === 0)?.batches[batch]?.xT !== true) {
    const detail = `${sample} keeps no x_T; only inversions and samples made with keep_trajectory leave a latent`;
    throw fieldProblem('invalid-request', pointerOf([...path, 'sample']), detail);
  }
  const timestep = spec.start == null ? null : timestepsOf(spec, manifest).at(-1)!;
  return { latent: { sample, image, batch, of: 'x_T' }, timestep, source: spec };
}

/** A latent of an inversion has the noise of one timestep: a process that begins at another would misread it. */
export function requireSameBegin(
  { timestep, source }: FoundLatent,
  timesteps: readonly number[],
  path: readonly string[],
): void {
  const first = timesteps.at(-1)!;
  if (timestep === null || timestep === first) return;
  const detail = `the latent has the noise of timestep ${timestep}, but these steps begin at ${first}; use the steps it was made with, "${source.steps}"`;
  throw fieldProblem('invalid-steps', pointerOf(path), detail);
}

async function owned(c: Context<AppEnv>, sample: string, path: readonly string[]) {
  try {
    return await ownedRecord(c, sample);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw fieldProblem('unknown-sample', pointerOf([...path, 'sample']), error.message);
  }
}
