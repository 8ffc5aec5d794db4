/** `Prefer: wait=N` (RFC 7240, section 4.3): the answer waits for the end of the job, for a while. */
import type { Context } from 'hono';
import type { JobRecord } from '../durable/job/job-record.ts';
import type { AppEnv } from './app-env.ts';
import { jobOf } from './routes/owned-job.ts';

/** Longest wait, seconds: beyond it, answers are lost on their way. */
const MAX_WAIT_SECONDS = 60;
/** After a job's object died under a wait, ms. */
const ASK_AGAIN_MS = 200;

/** Seconds that the request is ready to wait; null if it does not say, or not so that it can be understood. */
export function waitOf(prefer: string | undefined): number | null {
  for (const preference of (prefer ?? '').split(',')) {
    const [, seconds] = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;|$)/i.exec(preference) ?? [];
    if (seconds !== undefined) return Math.min(MAX_WAIT_SECONDS, Number(seconds));
  }
  return null;
}

/** The job as it is at its end or after the wait that the request prefers, whichever is first; at once if it has none. */
export async function awaitPreferred(c: Context<AppEnv>, record: JobRecord): Promise<JobRecord> {
  const seconds = waitOf(c.req.header('Prefer'));
  if (seconds === null) return record;
  c.header('Preference-Applied', `wait=${seconds}`);
  const deadline = Date.now() + seconds * 1000;
  let latest = record;
  while (latest.status === 'active') {
    const left = deadline - Date.now();
    if (left <= 0) break;
    try {
      latest = (await jobOf(c.env, record.spec.id).whenOver(left)) ?? latest;
      break;
    } catch {
      await scheduler.wait(Math.min(left, ASK_AGAIN_MS)); // its object died; the next one knows as much
    }
  }
  return latest;
}
