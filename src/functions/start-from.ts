/** `start_from` of a request: the job as it was resolved, but for where it begins. */
import type { Context } from 'hono';
import type { SampleSpec } from '../durable/spec.ts';
import { findModel } from '../models/registry.ts';
import type { AppEnv } from './app-env.ts';
import { findLatent, requireSameBegin } from './latent.ts';
import { type RequestOrigin, resolveSample } from './resolve.ts';
import type { SampleRequest } from './schemas/sample-request.ts';
import { timestepsOf } from './taken-on.ts';

/** @throws {Problem} naming the field */
export async function resolveStarted(
  c: Context<AppEnv>,
  request: SampleRequest,
  origin: RequestOrigin,
): Promise<SampleSpec> {
  const { start_from: from, ...rest } = request;
  const manifest = findModel(request.model);
  if (from === undefined || manifest === null) return resolveSample(rest, origin, c.env);
  const found = await findLatent(c, from, manifest, ['start_from']);
  // The way back is the way it came, unless the request says otherwise.
  const steps = rest.steps ?? (found.timestep === null ? undefined : found.source.steps);
  const clip = rest.clip_denoised ?? (found.timestep === null ? undefined : found.source.clipDenoised);
  const spec = resolveSample(
    { ...rest, ...(steps !== undefined && { steps }), ...(clip !== undefined && { clip_denoised: clip }) },
    origin,
    c.env,
  );
  requireSameBegin(found, timestepsOf(spec, manifest), ['steps']);
  return { ...spec, start: { type: 'latent', latent: found.latent } };
}
