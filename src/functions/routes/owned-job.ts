/** Jobs as their owner may reach them: for everyone else they do not exist. */
import type { Context } from 'hono';
import type { JobRecord } from '../../durable/job/job-record.ts';
import type { SampleSpec } from '../../durable/spec.ts';
import type { Env } from '../../env.ts';
import type { AppEnv } from '../app-env.ts';
import { accountOf } from '../auth/authenticate.ts';
import type { ImagePlace } from '../image-page.ts';
import { Links } from '../links.ts';
import { Problem } from '../problem.ts';
import { renderSample } from '../render.ts';
import { requireSampleId } from '../resolve.ts';
import type { SampleResponse } from '../schemas/sample-response.ts';

export function jobOf(env: Env, id: string) {
  return env.JOBS.get(env.JOBS.idFromName(id));
}

/**
 * The job's object, to call it.
 *
 * @throws {Problem} unknown-sample unless the caller's account owns it, or the URL is signed
 */
export async function ownedJob(c: Context<AppEnv>, id: string): Promise<ReturnType<typeof jobOf>> {
  const job = jobOf(c.env, requireSampleId(id));
  if (!mayRead(c, await job.owner())) throw unknownSample(id);
  return job;
}

/**
 * What the job was made of.
 *
 * @throws {Problem} unknown-sample unless the caller's account owns it, or the URL is signed
 */
export async function ownedSpec(c: Context<AppEnv>, id: string): Promise<SampleSpec> {
  const spec = await jobOf(c.env, requireSampleId(id)).spec();
  if (spec === null || !mayRead(c, spec.account)) throw unknownSample(id);
  return spec;
}

/**
 * What the job knows, in one call.
 *
 * @throws {Problem} unknown-sample unless the caller's account owns it, or the URL is signed
 */
export async function ownedRecord(c: Context<AppEnv>, id: string): Promise<JobRecord> {
  const record = await jobOf(c.env, requireSampleId(id)).read();
  if (record === null || !mayRead(c, record.spec.account)) throw unknownSample(id);
  return record;
}

/**
 * The job with the batches of one page of its images.
 *
 * @throws {Problem} unknown-sample unless the caller's account owns it
 */
export async function ownedImages(c: Context<AppEnv>, id: string, place: ImagePlace): Promise<JobRecord> {
  const { first, limit, ready } = place;
  const record = await jobOf(c.env, requireSampleId(id)).readImages(first, limit, ready);
  if (record === null || !mayRead(c, record.spec.account)) throw unknownSample(id);
  return record;
}

/** Whoever holds a signed URL may read what it names, for as long as that exists. */
function mayRead(c: Context<AppEnv>, owner: string | null): boolean {
  return c.get('caller').signed ? owner !== null : owner === accountOf(c);
}

export function unknownSample(id: string): Problem {
  return new Problem('unknown-sample', `no sample ${JSON.stringify(id)}`);
}

/** The sample as this request is answered with it: links lead to where it came in. */
export function shown(c: Context<AppEnv>, record: JobRecord): Promise<SampleResponse> {
  return renderSample(record, linksOf(c));
}

export function linksOf(c: Context<AppEnv>): Links {
  return new Links(c.env, { origin: new URL(c.req.url).origin, now: Date.now() });
}
