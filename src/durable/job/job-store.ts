/** What a job object remembers. Every method is one transaction: whole, or not at all. */
import { isTerminal } from '../batch/batch-store.ts';
import type { BatchReport } from '../batch/report.ts';
import { MigratedStore } from '../migrated-store.ts';
import { type BatchOrders, type Failure, type Patch, type SampleSpec, splitIntoBatches } from '../spec.ts';
import type { SampleEvent } from './event-names.ts';
import { EventOutbox, eventNumber } from './event-outbox.ts';
import { snapshotOf, wants } from './events.ts';
import { jobMigrations } from './migrations.ts';
import { digestRequest } from './request-digest.ts';
import type { Turn } from './turn.ts';

export type Ending = 'succeeded' | 'failed' | 'canceled';

export interface BatchView {
  readonly index: number;
  readonly report: BatchReport | null;
  readonly seenAt: number;
}

/** What became of the latest message to the job's own URL. */
export interface WebhookState {
  readonly id: string;
  readonly status: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly lastResult: string | null;
}

/** A change of course and when it came, ms. */
export interface PatchRecord extends Patch {
  readonly at: number;
}

/** A job and all it knows; what the API shows is computed from this alone. */
export interface JobRecord {
  readonly spec: SampleSpec;
  readonly status: 'active' | Ending;
  readonly ending: 'failed' | 'canceled' | null;
  readonly failure: Failure | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
  /** When it is deleted; null while it has not ended. */
  readonly expiresAt: number | null;
  /** From its end to its deletion. */
  readonly retentionMs: number;
  readonly paused: boolean;
  /** See BatchOrders. */
  readonly life: number;
  /** Changes of course, oldest first. */
  readonly patches: readonly PatchRecord[];
  readonly batches: readonly BatchView[];
  readonly webhook: WebhookState | null;
  readonly turn: Turn;
  /** Of what decides the images; see digestRequest. */
  readonly requestDigest: string | null;
  /** When its name goes (again) to the webhook queue, because it owes events; null if it owes none. */
  readonly eventsDueAt: number | null;
  /** What the index of samples was last told, as JSON; null before it was told anything. */
  readonly indexed: string | null;
}

interface JobRow extends Record<string, SqlStorageValue> {
  spec: string;
  status: string;
  ending: string | null;
  failure: string | null;
  created_at: number;
  finished_at: number | null;
  expires_at: number | null;
  retention_ms: number;
  paused: number;
  life: number;
  indexed: string | null;
  turn: string;
  ticket: number;
  turn_since: number;
  turn_heard_at: number;
  turn_position: number | null;
  request_digest: string | null;
  prepared: number;
}

interface WebhookRow extends Record<string, SqlStorageValue> {
  id: string;
  status: string;
  attempts: number;
  last_result: string | null;
}

export function isOver(report: BatchReport | null): boolean {
  return report !== null && isTerminal(report.status);
}

export class JobStore extends MigratedStore {
  /** Everything that changes a job's state writes there what it owes the world, in the same transaction. */
  readonly outbox: EventOutbox;

  constructor(storage: DurableObjectStorage) {
    super(storage, jobMigrations, 'job');
    this.outbox = new EventOutbox(storage.sql);
  }

  /** Stores the job once; a second call changes nothing. */
  create(spec: SampleSpec, now: number): void {
    this.storage.transactionSync(() => {
      this.sql.exec(
        "INSERT OR IGNORE INTO job (one, spec, status, created_at, retention_ms) VALUES (1, ?, 'active', ?, ?)",
        JSON.stringify(spec),
        now,
        spec.retentionSeconds * 1000,
      );
      for (const batch of splitIntoBatches(spec)) {
        this.sql.exec('INSERT OR IGNORE INTO batch (idx) VALUES (?)', batch.index);
      }
    });
  }

  owner(): string {
    const { account } = this.sql
      .exec<{ account: string }>("SELECT spec ->> 'account' AS account FROM job")
      .one();
    return account;
  }

  /** @returns null once it was removed */
  read(): JobRecord | null {
    if (!this.exists()) return null;
    const [row] = this.sql.exec<JobRow>('SELECT * FROM job').toArray();
    if (row === undefined) return null;
    const batches = this.sql
      .exec<{ idx: number; report: string | null; seen_at: number }>('SELECT * FROM batch ORDER BY idx')
      .toArray();
    return {
      spec: { priority: 'normal', metadata: {}, previewEvery: 0, ...JSON.parse(row.spec) },
      status: row.status as JobRecord['status'],
      ending: row.ending as JobRecord['ending'],
      failure: row.failure === null ? null : JSON.parse(row.failure),
      createdAt: row.created_at,
      finishedAt: row.finished_at,
      expiresAt: row.expires_at,
      retentionMs: row.retention_ms,
      paused: row.paused === 1,
      life: row.life,
      patches: this.#readPatches(),
      batches: batches.map(({ idx, report, seen_at }) => ({
        index: idx,
        report: report === null ? null : JSON.parse(report),
        seenAt: seen_at,
      })),
      webhook: this.#readWebhook(),
      requestDigest: row.request_digest,
      eventsDueAt: this.outbox.dueAt(),
      indexed: row.indexed,
      turn: {
        state: row.turn as Turn['state'],
        ticket: row.ticket,
        since: row.turn_since,
        heardAt: row.turn_heard_at,
        position: row.turn_position,
      },
    };
  }

  async saveRequestDigest(spec: SampleSpec): Promise<void> {
    const digest = await digestRequest(spec);
    this.sql.exec('UPDATE job SET request_digest = ? WHERE request_digest IS NULL', digest);
  }

  /** Whether every batch has copied what it begins with. */
  isPrepared(): boolean {
    return this.sql.exec<{ prepared: number }>('SELECT prepared FROM job').one().prepared === 1;
  }

  markPrepared(): void {
    this.sql.exec('UPDATE job SET prepared = 1');
  }

  #readPatches(): PatchRecord[] {
    return this.sql
      .exec<{ seq: number; at: number; body: string }>('SELECT seq, at, body FROM patch ORDER BY seq')
      .toArray()
      .map(({ seq, at, body }) => ({ seq, at, ...JSON.parse(body) }));
  }

  #life(): number {
    return this.sql.exec<{ life: number }>('SELECT life FROM job').one().life;
  }

  /** What batches are told beside their spec. */
  orders(): BatchOrders {
    return { life: this.#life(), patches: this.#readPatches() };
  }

  addPatch({ guidance, classes }: Omit<Patch, 'seq'>, now: number): void {
    this.sql.exec('INSERT INTO patch (at, body) VALUES (?, ?)', now, JSON.stringify({ guidance, classes }));
  }

  setPaused(paused: boolean, now: number): void {
    this.storage.transactionSync(() => {
      const changed = this.#changes(
        "UPDATE job SET paused = ?1 WHERE status = 'active' AND paused <> ?1 RETURNING one",
        paused ? 1 : 0,
      );
      if (changed) this.#owe(paused ? 'sample.paused' : 'sample.resumed', now);
    });
  }

  /** A failed job is active again; what its batches said before counts no more, unless they succeeded. */
  beginLife(now: number): void {
    this.storage.transactionSync(() => {
      const changed = this.#changes(
        `UPDATE job SET status = 'active', ending = NULL, failure = NULL, finished_at = NULL, expires_at = NULL, paused = 0,
         life = life + 1 WHERE status = 'failed' RETURNING one`,
      );
      if (changed) this.#owe('sample.resumed', now);
      this.sql.exec("UPDATE batch SET report = NULL WHERE report ->> 'status' <> 'succeeded'");
    });
  }

  /** From now on the job wants to walk: in a new stay, unless it is in one. */
  wantTurn(now: number): void {
    this.sql.exec(
      `UPDATE job SET turn = 'waiting', ticket = ticket + 1, turn_since = ?, turn_heard_at = 0, turn_position = NULL
       WHERE turn IN ('out', 'leaving')`,
      now,
    );
  }

  /** The queue has given it a place. A word about an earlier stay changes nothing. */
  turnGranted(ticket: number, now: number): void {
    this.sql.exec(
      `UPDATE job SET turn = 'granted', turn_heard_at = ?, turn_position = NULL
       WHERE ticket = ? AND turn = 'waiting'`,
      now,
      ticket,
    );
  }

  /** The queue has it wait. */
  turnHeard(ticket: number, position: number | null, now: number): void {
    this.sql.exec(
      "UPDATE job SET turn_heard_at = ?, turn_position = ? WHERE ticket = ? AND turn = 'waiting'",
      now,
      position,
      ticket,
    );
  }

  /** Gives its place up; there is no way back into this stay. */
  beginLeaving(): void {
    this.sql.exec("UPDATE job SET turn = 'leaving', turn_position = NULL WHERE turn <> 'out'");
  }

  /** The queue has heard that it left. */
  turnLeft(ticket: number): void {
    this.sql.exec("UPDATE job SET turn = 'out' WHERE ticket = ? AND turn = 'leaving'", ticket);
  }

  /** @returns the version of the word that is about to go to the index: no earlier one may overtake it */
  beginIndexing(): number {
    this.sql.exec('UPDATE job SET index_version = index_version + 1');
    return this.sql.exec<{ version: number }>('SELECT index_version AS version FROM job').one().version;
  }

  markIndexed(entry: string): void {
    this.sql.exec('UPDATE job SET indexed = ?', entry);
  }

  #readWebhook(): WebhookState | null {
    const [row] = this.sql.exec<WebhookRow>('SELECT * FROM webhook').toArray();
    if (row === undefined) return null;
    return {
      id: row.id,
      status: row.status as WebhookState['status'],
      attempts: row.attempts,
      lastResult: row.last_result,
    };
  }

  /** Reports may overtake each other on their way: an end stays, a step never goes back, a past life is over. */
  saveReport(index: number, report: BatchReport, now: number): void {
    const { report: stored } = this.sql
      .exec<{ report: string | null }>('SELECT report FROM batch WHERE idx = ?', index)
      .one();
    const known: BatchReport | null = stored === null ? null : JSON.parse(stored);
    if (report.life < this.#life() && report.status !== 'succeeded') return;
    if (known !== null && (isOver(known) || (known.step > report.step && !isOver(report)))) return;
    this.storage.transactionSync(() => {
      this.sql.exec(
        'UPDATE batch SET report = ?, seen_at = ? WHERE idx = ?',
        JSON.stringify(report),
        now,
        index,
      );
      // A fork begins with steps that it shares.
      const began = this.#changes(
        "UPDATE job SET started = 1 WHERE started = 0 AND ? > coalesce(spec ->> 'sharedSteps', 0) RETURNING one",
        report.step,
      );
      if (began) this.#owe('sample.started', now);
    });
  }

  /** From here on the batches are being stopped; the first reason stays. */
  beginEnding(ending: 'failed' | 'canceled', failure: Failure | null): void {
    this.sql.exec(
      "UPDATE job SET ending = ?, failure = ? WHERE status = 'active' AND ending IS NULL",
      ending,
      failure === null ? null : JSON.stringify(failure),
    );
  }

  /** Ends the job and owes the event, together: a crash in between loses neither. */
  finish(ending: Ending, now: number): void {
    this.storage.transactionSync(() => {
      const changed = this.#changes(
        `UPDATE job SET status = ?1, finished_at = ?2, expires_at = ?2 + retention_ms WHERE status = 'active'
         RETURNING one`,
        ending,
        now,
      );
      if (changed) this.#owe(`sample.${ending}`, now);
    });
  }

  /** Kept at least this long from now on, or from its end. */
  keepFor(ms: number, now: number): void {
    this.sql.exec(
      // max() of a null is null: a job that has not ended does not expire.
      'UPDATE job SET retention_ms = max(retention_ms, ?1), expires_at = max(expires_at, ?1 + ?2)',
      ms,
      now,
    );
  }

  /** From here on the job is gone for everyone. There is no way back. */
  beginRemoval(): void {
    this.sql.exec('UPDATE job SET removed = 1');
  }

  /** Whether nobody may see the job any more: it was deleted, or its time is over. */
  isGone(now: number): boolean {
    const { gone } = this.sql
      .exec<{ gone: number }>('SELECT removed = 1 OR coalesce(expires_at <= ?, 0) AS gone FROM job', now)
      .one();
    return gone === 1;
  }

  /** What is known of a message to the job's own URL; a later message's state is not replaced by an earlier one's. */
  webhookSeen({ id, status, attempts, lastResult }: WebhookState): void {
    const known = this.#readWebhook();
    if (known !== null && eventNumber(known.id) > eventNumber(id)) return;
    this.sql.exec(
      'INSERT OR REPLACE INTO webhook (one, id, status, attempts, last_result) VALUES (1, ?, ?, ?, ?)',
      id,
      status,
      attempts,
      lastResult,
    );
  }

  /** Within the transaction that makes it true. */
  #owe(type: SampleEvent, now: number): void {
    const record = this.read()!;
    const { spec } = record;
    const id = this.outbox.owe(spec.id, type, snapshotOf(type, record), now);
    if (wants(spec.webhook, type)) this.webhookSeen({ id, status: 'pending', attempts: 0, lastResult: null });
  }

  #changes(statement: string, ...values: SqlStorageValue[]): boolean {
    return this.sql.exec(statement, ...values).toArray().length > 0;
  }
}
