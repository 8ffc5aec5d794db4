/**
 * A job's place among those of its account that walk at the same time, as the job knows it; see AccountQueue.
 *
 * `out`: neither has nor wants one. `waiting`: has asked, or is about to. `granted`: may walk. `leaving`: has given up its
 * place and owes the queue the word; it may not go back on it, but may queue again with a new ticket.
 */
import type { JobState } from './job-record.ts';
import { mayWalk } from './next-wake.ts';

export interface Turn {
  readonly state: 'out' | 'waiting' | 'granted' | 'leaving';
  /** Names this stay in the queue: 1, 2, 3, ... */
  readonly ticket: number;
  /** When this stay began, ms since the epoch. */
  readonly since: number;
  /** When the queue was last heard, ms since the epoch; 0: not yet in this stay. */
  readonly heardAt: number;
  /** While it waits: counted from 1, which is next; null before the queue was heard. */
  readonly position: number | null;
}

/** A job that waits asks again after this long, in case the queue has forgotten it. */
export const ASK_AGAIN_MS = 30_000;

/** Whether the job is to walk, now or when it may. */
export function wantsTurn({ status, paused, ending }: JobState): boolean {
  return status === 'active' && !paused && ending === null;
}

/** Whether the queue should hear (again) that the job wants to walk. */
export function shouldAsk(record: JobState, now: number): boolean {
  const { state, heardAt } = record.turn;
  return wantsTurn(record) && state !== 'granted' && (state !== 'waiting' || now - heardAt >= ASK_AGAIN_MS);
}

/** Whether the job holds something of the queue that it has no use for: nothing of it walks or is about to. */
export function owesLeave(record: JobState): boolean {
  const { state } = record.turn;
  if (state === 'out') return false;
  if (state === 'leaving' || record.status !== 'active') return true;
  return record.paused && record.ending === null && !record.open.some(mayWalk);
}
