/** The state of a job in one word, as the API and the index of samples show it. */
import { sharedStepsOf } from '../spec.ts';
import type { JobState } from './job-record.ts';
import { mayWalk } from './next-wake.ts';

export type JobStatus = 'queued' | 'running' | 'retrying' | 'paused' | 'succeeded' | 'failed' | 'canceled';

export function statusOf(state: JobState): JobStatus {
  if (state.status !== 'active') return state.status;
  if (state.paused && state.ending === null) return 'paused';
  if (state.turn.state === 'waiting' && !state.open.some(mayWalk)) return 'queued';
  if (state.open.some(({ phase, report }) => phase === 'aside' || report?.retry != null)) return 'retrying';
  const shared = sharedStepsOf(state.spec);
  const moved = state.open.some(
    ({ report }) => report !== null && (report.step > shared || report.status !== 'running'),
  );
  return moved || state.succeeded > 0 ? 'running' : 'queued';
}
