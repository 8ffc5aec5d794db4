/** Events of a job, as it owes them to webhooks. */
import type { Failure, WebhookTarget } from '../spec.ts';
import { DEFAULT_EVENTS, type SampleEvent } from './event-names.ts';
import type { Ending, JobState } from './job-record.ts';

/** How the job was when it happened; what never changes is in its spec. */
export interface EventSnapshot {
  readonly status: 'running' | 'paused' | Ending;
  /** ms since the epoch, as are the others. */
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly failure: Failure | null;
}

/** An event that has happened and must not be lost. */
export interface OwedEvent {
  /** Of the message that tells of it, the same however often it is told. */
  readonly id: string;
  readonly type: SampleEvent;
  /** ms since the epoch. */
  readonly at: number;
  readonly snapshot: EventSnapshot;
}

/** Whether the job's own URL is told of it. */
export function wants(webhook: WebhookTarget | null, type: SampleEvent): boolean {
  return webhook !== null && (webhook.events ?? DEFAULT_EVENTS).includes(type);
}

/** @param record as it is once the event has happened */
export function snapshotOf(type: SampleEvent, record: JobState): EventSnapshot {
  const { createdAt, startedAt, finishedAt, failure } = record;
  return { status: STATUS[type], createdAt, startedAt, finishedAt, failure };
}

const STATUS: Readonly<Record<SampleEvent, EventSnapshot['status']>> = {
  'sample.started': 'running',
  'sample.paused': 'paused',
  'sample.resumed': 'running',
  'sample.succeeded': 'succeeded',
  'sample.failed': 'failed',
  'sample.canceled': 'canceled',
};
