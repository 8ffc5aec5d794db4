/** What a job object remembers. Every method is one transaction: whole, or not at all. */
import type { BatchReport } from '../batch/report.ts';
import { MigratedStore } from '../migrated-store.ts';
import {
  type BatchOrders,
  batchAt,
  batchCount,
  batchOf,
  type Failure,
  isLarge,
  LISTED_IMAGES,
  type Patch,
  type SampleSpec,
} from '../spec.ts';
import { againAfter } from './batch-failures.ts';
import { BatchTable } from './batch-table.ts';
import type { SampleEvent } from './event-names.ts';
import { EventOutbox, eventNumber } from './event-outbox.ts';
import { snapshotOf, wants } from './events.ts';
import type { BatchView, Ending, JobRecord, JobState, PatchRecord, WebhookState } from './job-record.ts';
import { jobMigrations } from './migrations.ts';
import { PackStore } from './pack-store.ts';
import { digestRequest } from './request-digest.ts';
import { addReceipt, EMPTY_TALLY } from './tally.ts';
import type { Turn } from './turn.ts';
import { TurnStore } from './turn-store.ts';

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
  request_digest: string | null;
  prepared: number;
  succeeded: number;
  images: number;
  first_started_at: number | null;
  batch_ended_at: number | null;
  tally: string | null;
  run_digest: string | null;
  webhook: string | null;
  patches: number;
  fresh_steps: number;
  events_due_at: number | null;
}

/** Asked several times for every report: all but the batches and the patches comes with one statement. */
const READ_JOB = `SELECT *,
  (SELECT json_object('id', id, 'status', status, 'attempts', attempts, 'lastResult', last_result) FROM webhook)
    AS webhook,
  (SELECT count(*) FROM patch) AS patches,
  (SELECT coalesce(sum(reached - coalesce(job.spec ->> 'sharedSteps', 0)), 0) FROM batch
    WHERE phase = 'fresh' AND reached > 0) AS fresh_steps,
  (SELECT min(enqueue_at) FROM owed_event) AS events_due_at
  FROM job`;

export class JobStore extends MigratedStore {
  /** Everything that changes a job's state writes there what it owes the world, in the same transaction. */
  readonly outbox: EventOutbox;
  readonly batches: BatchTable;
  readonly pack: PackStore;
  readonly turns: TurnStore;
  /** The spec never changes, and may be long: it is parsed once. */
  #spec: { readonly text: string; readonly spec: SampleSpec } | null = null;

  constructor(storage: DurableObjectStorage) {
    super(storage, jobMigrations, 'job');
    this.outbox = new EventOutbox(storage.sql);
    this.batches = new BatchTable(storage.sql);
    this.pack = new PackStore(storage);
    this.turns = new TurnStore(storage.sql);
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
      this.batches.fill(batchCount(spec));
    });
  }

  owner(): string {
    const { account } = this.sql
      .exec<{ account: string }>("SELECT spec ->> 'account' AS account FROM job")
      .one();
    return account;
  }

  /** @returns null once it was removed */
  read(): JobState | null {
    const row = this.#row();
    return row === null ? null : this.#stateOf(row);
  }

  /** The job as it is shown. @returns null once it was removed */
  record(): JobRecord | null {
    const row = this.#row();
    if (row === null) return null;
    const state = this.#stateOf(row);
    const listed = Math.min(state.spec.count, LISTED_IMAGES);
    return this.#show(row, state, this.batches.range(0, batchOf(state.spec, listed - 1) + 1));
  }

  /** The same with other batches: those of a page of images. @returns null once it was removed */
  page(batches: (table: BatchTable, spec: SampleSpec) => BatchView[]): JobRecord | null {
    const row = this.#row();
    if (row === null) return null;
    const state = this.#stateOf(row);
    return this.#show(row, state, batches(this.batches, state.spec));
  }

  #row(): JobRow | null {
    return this.exists() ? (this.sql.exec<JobRow>(READ_JOB).toArray()[0] ?? null) : null;
  }

  #show({ tally, run_digest }: JobRow, state: JobState, batches: readonly BatchView[]): JobRecord {
    return { ...state, batches, tally: tally === null ? null : JSON.parse(tally), runDigest: run_digest };
  }

  #specOf(text: string): SampleSpec {
    if (this.#spec?.text !== text) {
      this.#spec = {
        text,
        spec: { priority: 'normal', metadata: {}, previewEvery: 0, ...JSON.parse(text) },
      };
    }
    return this.#spec.spec;
  }

  #stateOf(row: JobRow): JobState {
    const spec = this.#specOf(row.spec);
    const open = this.batches.open();
    return {
      spec,
      status: row.status as JobState['status'],
      ending: row.ending as JobState['ending'],
      failure: row.failure === null ? null : JSON.parse(row.failure),
      createdAt: row.created_at,
      startedAt: row.first_started_at,
      finishedAt: row.finished_at,
      expiresAt: row.expires_at,
      retentionMs: row.retention_ms,
      paused: row.paused === 1,
      life: row.life,
      patches: row.patches === 0 ? [] : this.#readPatches(),
      open,
      fresh: batchCount(spec) - open.length - row.succeeded,
      freshSteps: row.fresh_steps,
      succeeded: row.succeeded,
      images: row.images,
      batchEndedAt: row.batch_ended_at,
      webhook: row.webhook === null ? null : JSON.parse(row.webhook),
      requestDigest: row.request_digest,
      eventsDueAt: row.events_due_at,
      indexed: row.indexed,
      packing: isLarge(spec) ? this.pack.read() : null,
      turn: {
        state: row.turn as Turn['state'],
        ticket: row.ticket,
        since: row.turn_since,
        heardAt: row.turn_heard_at,
        position: this.turns.position,
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

  /** What a batch is told beside its spec. */
  ordersFor({ life }: BatchView): BatchOrders {
    return { life, patches: this.#readPatches() };
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
      this.batches.doubt();
      const changed = this.#changes(
        `UPDATE job SET status = 'active', ending = NULL, failure = NULL, finished_at = NULL, expires_at = NULL, paused = 0,
         life = life + 1 WHERE status = 'failed' RETURNING one`,
      );
      if (!changed) return;
      this.batches.takeUpAll();
      this.#owe('sample.resumed', now);
    });
  }

  /** @returns the version of the word that is about to go to the index: no earlier one may overtake it */
  beginIndexing(): number {
    this.sql.exec('UPDATE job SET index_version = index_version + 1');
    return this.sql.exec<{ version: number }>('SELECT index_version AS version FROM job').one().version;
  }

  markIndexed(entry: string): void {
    this.sql.exec('UPDATE job SET indexed = ?', entry);
  }

  /** Reports may overtake each other on their way: an end stays, a step never goes back, a past life is over. */
  saveReport(index: number, report: BatchReport, now: number): void {
    const known = this.batches.one(index);
    if (known === null || (report.life < known.life && report.status !== 'succeeded')) return;
    if (known.phase !== 'fresh' && known.phase !== 'open') return;
    if (known.report !== null && known.report.step > report.step && !isOver(report)) return;
    this.storage.transactionSync(() => {
      this.#saveBatch(known, report, now);
      // A fork begins with steps that it shares.
      const began = this.#changes(
        "UPDATE job SET started = 1 WHERE started = 0 AND ? > coalesce(spec ->> 'sharedSteps', 0) RETURNING one",
        report.step,
      );
      if (began) this.#owe('sample.started', now);
    });
  }

  #saveBatch({ index, failures }: BatchView & { failures: number }, report: BatchReport, now: number): void {
    const { status } = report;
    if (status === 'running' || status === 'finishing') {
      this.batches.save(index, 'open', report, now);
      this.sql.exec(
        'UPDATE job SET first_started_at = ?1 WHERE coalesce(first_started_at > ?1, 1)',
        report.startedAt,
      );
      return;
    }
    const { spec, ending } = this.read()!;
    this.sql.exec(
      `UPDATE job SET batch_ended_at = max(coalesce(batch_ended_at, 0), ?1),
       first_started_at = min(coalesce(first_started_at, ?2), ?2)`,
      report.finishedAt ?? now,
      report.startedAt,
    );
    if (status === 'succeeded') {
      this.#saveSuccess(spec, index, report, now);
      return;
    }
    // A job that ends takes nothing up again, and waits for nothing that stands aside.
    const mayGoOn = status === 'failed' && ending === null;
    const pause = mayGoOn ? againAfter(spec, report.failure, failures) : null;
    if (pause === null) this.batches.save(index, status, report, now);
    else this.batches.save(index, 'aside', report, now, now + pause);
  }

  /** Of a large run the sums of the receipts are kept, not each of thousands. */
  #saveSuccess(spec: SampleSpec, index: number, report: BatchReport, now: number): void {
    const { receipt } = report;
    const large = isLarge(spec);
    this.batches.save(index, 'succeeded', large ? { ...report, receipt: null } : report, now);
    this.sql.exec('UPDATE job SET succeeded = succeeded + 1, images = images + ?', batchAt(spec, index).size);
    if (receipt === null) return;
    this.batches.saveOutputs(index, receipt.digests ?? [], receipt.pixelsCrc32 ?? null);
    if (!large) return;
    const { tally } = this.sql.exec<{ tally: string | null }>('SELECT tally FROM job').one();
    const before = tally === null ? EMPTY_TALLY : JSON.parse(tally);
    this.sql.exec('UPDATE job SET tally = ?', JSON.stringify(addReceipt(before, receipt)));
  }

  saveRunDigest(digest: string): void {
    this.sql.exec('UPDATE job SET run_digest = ?', digest);
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
    const [known] = this.sql.exec<{ id: string }>('SELECT id FROM webhook').toArray();
    if (known !== undefined && eventNumber(known.id) > eventNumber(id)) return;
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

export function isOver({ status }: BatchReport): boolean {
  return status !== 'running' && status !== 'finishing';
}
