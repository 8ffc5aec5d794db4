/** What a job owes the index of samples: its row there, until it says what the job says. */
import type { IndexedSample, SampleState } from '../../store/samples.ts';
import { type SampleSpec, sharedStepsOf } from '../spec.ts';
import type { JobState } from './job-record.ts';
import { statusOf } from './status.ts';

/** The row of a job that was just accepted. */
export function newEntry(spec: SampleSpec, now: number): IndexedSample {
  return {
    id: spec.id,
    account: spec.account,
    status: 'queued',
    model: spec.model,
    kind: spec.kind ?? 'sample',
    createdAt: now,
    finishedAt: null,
    expiresAt: null,
    count: spec.count,
    steps: spec.numSteps,
    priority: spec.priority,
    metadata: spec.metadata,
    imageSteps: spec.count * (spec.numSteps - sharedStepsOf(spec)),
  };
}

export function entryOf(record: JobState): IndexedSample {
  return {
    ...newEntry(record.spec, record.createdAt),
    status: statusOf(record),
    finishedAt: record.finishedAt,
    expiresAt: record.expiresAt,
  };
}

/** What changes of a row, as text to compare. */
export function wordOf({ status, finishedAt, expiresAt }: SampleState): string {
  return JSON.stringify([status, finishedAt, expiresAt]);
}

/** Whether the index does not say yet what the job says. */
export function owesIndex(record: JobState): boolean {
  return record.indexed !== wordOf(entryOf(record));
}
