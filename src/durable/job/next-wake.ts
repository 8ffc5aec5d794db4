/** When a job object has to wake next: the minimum over every reason it can have. */
import type { JobRecord } from './job-store.ts';

export interface WakeLimits {
  readonly now: number;
  /** Until unreached batches are tried again. */
  readonly retryMs: number;
  /** Until a silent batch is asked. */
  readonly silentMs: number;
  readonly maxInFlight: number;
}

/** @returns ms since the epoch, or null when nothing is left to do */
export function nextWake(
  record: JobRecord,
  { now, retryMs, silentMs, maxInFlight }: WakeLimits,
): number | null {
  const reasons: number[] = [];
  if (record.status === 'active') {
    const walking = record.batches.filter(
      ({ report }) => report?.status === 'running' || report?.status === 'finishing',
    );
    const unstarted = record.batches.length > 0 && record.batches.some(({ report }) => report === null);
    reasons.push(...walking.map(({ seenAt }) => Math.max(now, seenAt + silentMs + 1)));
    if (unstarted && walking.length < maxInFlight) reasons.push(now + retryMs);
    if (record.ending !== null || walking.length === 0) reasons.push(now + retryMs);
  }
  if (record.webhook?.enqueueAt != null) reasons.push(Math.max(now, record.webhook.enqueueAt));
  return reasons.length === 0 ? null : Math.min(...reasons);
}
