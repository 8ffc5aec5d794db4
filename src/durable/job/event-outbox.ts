/**
 * Events a job owes. They are written in the transaction that makes them true, and stay until the database of webhooks
 * has them: who receives them, and what becomes of each, is no job's business.
 */
import type { SampleEvent } from './event-names.ts';
import type { EventSnapshot, OwedEvent } from './events.ts';

interface EventRow extends Record<string, SqlStorageValue> {
  seq: number;
  type: string;
  at: number;
  snapshot: string;
}

export class EventOutbox {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @returns the message's id */
  owe(job: string, type: SampleEvent, snapshot: EventSnapshot, now: number): string {
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        'INSERT INTO owed_event (type, at, snapshot, enqueue_at) VALUES (?1, ?2, ?3, ?2) RETURNING seq',
        type,
        now,
        JSON.stringify(snapshot),
      )
      .one();
    return messageId(job, seq);
  }

  /** Oldest first. @param job names the messages */
  read(job: string): OwedEvent[] {
    return this.#sql
      .exec<EventRow>('SELECT seq, type, at, snapshot FROM owed_event ORDER BY seq')
      .toArray()
      .map(({ seq, type, at, snapshot }) => ({
        id: messageId(job, seq),
        type: type as SampleEvent,
        at,
        snapshot: JSON.parse(snapshot),
      }));
  }

  /** @param events that were owed when the message was sent: one that came while it was on its way is due as before */
  enqueued(events: readonly OwedEvent[], nextCheckAt: number): void {
    this.#forEach(events, 'UPDATE owed_event SET enqueue_at = ?2 WHERE seq = ?1', nextCheckAt);
  }

  /** They are in the database of webhooks. */
  settle(events: readonly OwedEvent[]): void {
    this.#forEach(events, 'DELETE FROM owed_event WHERE seq = ?1');
  }

  #forEach(events: readonly OwedEvent[], statement: string, ...values: SqlStorageValue[]): void {
    for (const { id } of events) this.#sql.exec(statement, eventNumber(id), ...values);
  }
}

function messageId(job: string, seq: number): string {
  return `msg_${job}_${seq}`;
}

/** Which of its job's events a message tells of: 1, 2, 3, ... */
export function eventNumber(message: string): number {
  return Number(message.slice(message.lastIndexOf('_') + 1));
}
