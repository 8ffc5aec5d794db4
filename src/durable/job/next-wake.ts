/** What a job has to do next, and when. */
import { owesIndex } from './index-entry.ts';
import type { BatchView, JobRecord } from './job-store.ts';
import { ASK_AGAIN_MS, owesLeave, shouldAsk, wantsTurn } from './turn.ts';

/** A batch that has said nothing for this long is asked; asking also wakes it if it lost its alarm. */
const SILENT_MS = 30_000;
/** An index that could not be written is tried again after this long. */
const INDEX_RETRY_MS = 5_000;

export interface WakeLimits {
  readonly now: number;
  /** Until batches that could not be reached are tried again. */
  readonly retryMs: number;
  readonly maxInFlight: number;
}

/** Whether a batch may be taking steps: told to, and neither over nor known to stand still. */
export function mayWalk({ report }: BatchView): boolean {
  return (report?.status === 'running' || report?.status === 'finishing') && !report.paused;
}

/** Whether a batch that began must be told (again) to go on: it stands, misses a change of course, or is silent. */
export function isDue({ report, seenAt }: BatchView, record: JobRecord, now: number): boolean {
  if (report === null) return true;
  const uninformed = report.status === 'running' && report.patches.length < record.patches.length;
  return report.paused || uninformed || now - seenAt > SILENT_MS;
}

export function isPast(deadlineAt: number | null, now: number): boolean {
  return deadlineAt !== null && now >= deadlineAt;
}

/** @returns ms since the epoch, the minimum over every reason to wake, or null when nothing is left to do */
export function nextWake(record: JobRecord, limits: WakeLimits): number | null {
  const reasons = record.status === 'active' ? activeReasons(record, limits) : [];
  if (owesLeave(record)) reasons.push(limits.now + limits.retryMs);
  if (owesIndex(record)) reasons.push(limits.now + INDEX_RETRY_MS);
  if (record.eventsDueAt !== null) reasons.push(Math.max(limits.now, record.eventsDueAt));
  if (record.expiresAt !== null) reasons.push(record.expiresAt);
  return reasons.length === 0 ? null : Math.min(...reasons);
}

function activeReasons(record: JobRecord, { now, retryMs, maxInFlight }: WakeLimits): number[] {
  const reasons: number[] = [];
  const { ending, paused, batches, spec } = record;
  if (spec.deadlineAt !== null) reasons.push(Math.max(now, spec.deadlineAt));
  const begun = batches.filter(
    ({ report }) => report?.status === 'running' || report?.status === 'finishing',
  );
  if (paused && ending === null) {
    if (begun.some(mayWalk)) reasons.push(now + retryMs); // not reached yet
    return reasons;
  }
  if (wantsTurn(record) && record.turn.state !== 'granted') {
    const { heardAt } = record.turn;
    reasons.push(shouldAsk(record, now) ? now + retryMs : heardAt + ASK_AGAIN_MS);
    return reasons;
  }
  for (const batch of begun) {
    reasons.push(isDue(batch, record, now) ? now + retryMs : batch.seenAt + SILENT_MS + 1);
  }
  const unstarted = batches.some(({ report }) => report === null);
  if (unstarted && begun.length < maxInFlight) reasons.push(now + retryMs);
  if (ending !== null || begun.length === 0) reasons.push(now + retryMs);
  return reasons;
}
