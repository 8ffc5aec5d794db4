/** The one way in which jobs come to be: admitted against the quotas, indexed, made, answered. */
import type { Context } from 'hono';
import { newEntry } from '../durable/job/index-entry.ts';
import type { JobRecord } from '../durable/job/job-record.ts';
import type { SampleSpec } from '../durable/spec.ts';
import { type Admission, admitSample } from '../store/admission.ts';
import { readUse } from '../store/quotas.ts';
import type { AppEnv } from './app-env.ts';
import { accountOf } from './auth/authenticate.ts';
import { idempotencyKeyOf, REPLAYED_HEADER } from './idempotency.ts';
import { Problem } from './problem.ts';
import { defaultQuotas, quotaProblem } from './quotas.ts';
import { jobOf } from './routes/owned-job.ts';

/** Tries to make a job whose place is taken already. */
const CREATE_TRIES = 3;

export interface Accepted {
  readonly record: JobRecord;
  /** The job stems from an earlier request with the same key. */
  readonly replayed: boolean;
}

/**
 * Takes a job in, or finds the one that this request has made before. Sets Location.
 *
 * @param spec with a fresh id; a request that comes again keeps the id, and the seed, of the first
 * @throws {Problem} quota-exceeded, idempotency-key-reused, invalid-header, unavailable
 */
export async function acceptSample(c: Context<AppEnv>, spec: SampleSpec): Promise<Accepted> {
  const key = await idempotencyKeyOf(c);
  const entry = newEntry(spec, Date.now());
  const admission = await admitSample(c.env.DB, entry, key, defaultQuotas(c.env));
  if (admission.kind === 'refused') {
    throw quotaProblem(c, admission, { images: entry.count, imageSteps: entry.imageSteps }, entry.createdAt);
  }
  const id = idOf(admission, spec);
  // Making a job is idempotent, and the first to come decides what it is: a request that died after it was admitted
  // is finished by its second try, and two at the same time are answered with the same job.
  const record = await make(c, { ...spec, id }, entry.createdAt);
  const replayed = admission.kind === 'known';
  if (replayed) c.header(REPLAYED_HEADER, 'true');
  c.header('Location', `/v1/samples/${id}`);
  return { record, replayed };
}

/**
 * For a job that has ended and is taken up again.
 *
 * @throws {Problem} quota-exceeded
 */
export async function requireActivePlace(c: Context<AppEnv>): Promise<void> {
  const now = Date.now();
  const state = await readUse(c.env.DB, accountOf(c), defaultQuotas(c.env), now);
  if (state === null || state.use.activeJobs < state.quotas.activeJobs) return;
  throw quotaProblem(c, state, { images: 0, imageSteps: 0 }, now);
}

function idOf(admission: Exclude<Admission, { kind: 'refused' }>, spec: SampleSpec): string {
  if (admission.kind === 'admitted') return spec.id;
  if (admission.sameRequest) return admission.sample;
  const detail = `this Idempotency-Key was used for another request, which made ${admission.sample}; use a new key for each request`;
  throw new Problem('idempotency-key-reused', detail);
}

async function make(c: Context<AppEnv>, spec: SampleSpec, acceptedAt: number): Promise<JobRecord> {
  for (let left = CREATE_TRIES; ; left--) {
    try {
      return await jobOf(c.env, spec.id).create(spec, acceptedAt);
    } catch (error) {
      if (left > 1) continue;
      console.error(JSON.stringify({ request: c.get('requestId'), sample: spec.id, error: String(error) }));
      c.header('Retry-After', '1');
      throw new Problem('unavailable', 'the job could not be made; send the same request again');
    }
  }
}
