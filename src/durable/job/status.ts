/** The state of a job in one word, as the API and the index of samples show it. */
import { sharedStepsOf } from '../spec.ts';
import type { BatchView, JobRecord } from './job-store.ts';
import { mayWalk } from './next-wake.ts';

export type JobStatus = 'queued' | 'running' | 'retrying' | 'paused' | 'succeeded' | 'failed' | 'canceled';

export function statusOf(record: JobRecord): JobStatus {
  if (record.status !== 'active') return record.status;
  if (record.paused && record.ending === null) return 'paused';
  if (record.turn.state === 'waiting' && !record.batches.some(mayWalk)) return 'queued';
  const shared = sharedStepsOf(record.spec);
  const reports = record.batches.map((batch) => batch.report);
  if (reports.some((report) => report?.retry != null)) return 'retrying';
  return reports.some((report) => report !== null && (report.step > shared || report.status !== 'running'))
    ? 'running'
    : 'queued';
}

/** When its first batch began, ms since the epoch; null before. */
export function startOf(batches: readonly BatchView[]): number | null {
  const starts = batches.flatMap(({ report }) => (report === null ? [] : [report.startedAt]));
  return starts.length === 0 ? null : Math.min(...starts);
}
