/** From two ends to a job whose images lead from one to the other. */
import type { Context } from 'hono';
import type { NoiseEnd, SampleSpec } from '../durable/spec.ts';
import { findModel } from '../models/registry.ts';
import type { AppEnv } from './app-env.ts';
import { type FoundLatent, findLatent, requireSameBegin } from './latent.ts';
import { type RequestOrigin, resolveSample } from './resolve.ts';
import type { InterpolationEnd, InterpolationRequest } from './schemas/interpolation-request.ts';
import { timestepsOf } from './taken-on.ts';

/** @throws {Problem} naming the field */
export async function resolveInterpolation(
  c: Context<AppEnv>,
  { from, to, ...request }: InterpolationRequest,
  origin: RequestOrigin,
): Promise<SampleSpec> {
  const fields = { ...request, sampler: 'ddim', eta: 0, seed: 0 } as const;
  const manifest = findModel(request.model);
  if (manifest === null) return resolveSample(fields, origin, c.env); // says which there are
  const latentOf = (end: InterpolationEnd, name: string) =>
    typeof end === 'number' ? null : findLatent(c, end, manifest, [name]);
  const ends = await Promise.all([latentOf(from, 'from'), latentOf(to, 'to')]);
  const made = ends.find((end) => end !== null && end.timestep !== null);
  const steps = request.steps ?? made?.source.steps;
  const clip = request.clip_denoised ?? made?.source.clipDenoised; // as for start_from
  const spec = resolveSample(
    { ...fields, ...(steps !== undefined && { steps }), ...(clip !== undefined && { clip_denoised: clip }) },
    origin,
    c.env,
  );
  for (const end of ends) if (end !== null) requireSameBegin(end, timestepsOf(spec, manifest), ['steps']);
  const start = { type: 'between', from: noiseEnd(from, ends[0]), to: noiseEnd(to, ends[1]) } as const;
  return { ...spec, kind: 'interpolation', start };
}

function noiseEnd(end: InterpolationEnd, found: FoundLatent | null): NoiseEnd {
  if (typeof end === 'number') return { type: 'seed', seed: end };
  return { type: 'latent', ...found!.latent };
}
