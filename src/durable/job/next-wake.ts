/** What a job has to do next, and when. */
import { owesIndex } from './index-entry.ts';
import type { BatchView, JobState } from './job-record.ts';
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
export function mayWalk({ phase, report }: BatchView): boolean {
  return phase === 'open' && report?.paused !== true;
}

/** Whether a batch that began must be told (again) to go on: it stands, misses a change of course, or is silent. */
export function isDue({ phase, report, seenAt }: BatchView, record: JobState, now: number): boolean {
  if (phase !== 'open') return false;
  if (report === null) return true;
  const uninformed = report.status === 'running' && report.patches.length < record.patches.length;
  return report.paused || uninformed || now - seenAt > SILENT_MS;
}

/** Whether the images of a large run are still to be packed into one file. */
export function owesPacking({ status, packing }: JobState): boolean {
  return status === 'succeeded' && packing?.state === 'owed';
}

export function isPast(deadlineAt: number | null, now: number): boolean {
  return deadlineAt !== null && now >= deadlineAt;
}

/** @returns ms since the epoch, the minimum over every reason to wake, or null when nothing is left to do */
export function nextWake(record: JobState, limits: WakeLimits): number | null {
  const reasons = record.status === 'active' ? activeReasons(record, limits) : [];
  if (owesLeave(record)) reasons.push(limits.now + limits.retryMs);
  if (owesIndex(record)) reasons.push(limits.now + INDEX_RETRY_MS);
  if (record.eventsDueAt !== null) reasons.push(Math.max(limits.now, record.eventsDueAt));
  if (owesPacking(record)) reasons.push(Math.max(limits.now, record.packing!.retryAt));
  if (record.expiresAt !== null) reasons.push(record.expiresAt);
  return reasons.length === 0 ? null : Math.min(...reasons);
}

function activeReasons(record: JobState, { now, retryMs, maxInFlight }: WakeLimits): number[] {
  const reasons: number[] = [];
  const { ending, paused, open, fresh, spec } = record;
  if (spec.deadlineAt !== null) reasons.push(Math.max(now, spec.deadlineAt));
  const begun = open.filter(({ phase }) => phase === 'open');
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
  const aside = open.filter(({ phase }) => phase === 'aside');
  for (const { retryAt } of aside) reasons.push(Math.max(now, retryAt ?? now));
  if (fresh > 0 && begun.length + aside.length < maxInFlight) reasons.push(now + retryMs);
  if (ending !== null || begun.length + aside.length === 0) reasons.push(now + retryMs);
  return reasons;
}
