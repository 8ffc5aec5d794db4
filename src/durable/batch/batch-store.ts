/** What a batch object remembers. Every method is one transaction: whole, or not at all. */
import type { SamplerState } from '../../core/index.ts';
import { MigratedStore } from '../migrated-store.ts';
import { type BatchOrders, type BatchSpec, type Failure, sharedStepsOf } from '../spec.ts';
import { readTensors, writeTensor } from './chunks.ts';
import { reachableStep, type SteeredFrom } from './course.ts';
import { batchMigrations } from './migrations.ts';
import { type BatchReceipt, type OutputRecord, receiptFrom } from './receipt.ts';
import type { StepEvent } from './step-loop.ts';
import {
  type KeptState,
  type KeptStep,
  type KeptTensor,
  keepStep,
  keptChunk,
  keptState,
  keptSteps,
  keptTensor,
  type StepToKeep,
} from './trajectory-store.ts';

/** `finishing`: every step is committed, the images are being written. */
export type BatchStatus = 'running' | 'finishing' | 'succeeded' | 'failed' | 'canceled';

export interface BatchRecord {
  readonly spec: BatchSpec;
  readonly status: BatchStatus;
  readonly step: number;
  readonly strikes: number;
  readonly failingSince: number | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly failure: Failure | null;
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly reported: boolean;
  /** Stands still until it is started again. */
  readonly paused: boolean;
  /** Which of its lives it is in; see BatchOrders. */
  readonly life: number;
}

interface BatchRow extends Record<string, SqlStorageValue> {
  spec: string;
  status: string;
  step: number;
  strikes: number;
  failing_since: number | null;
  attempts: number;
  last_error: string | null;
  failure: string | null;
  started_at: number;
  finished_at: number | null;
  reported: number;
  paused: number;
  life: number;
}

export function isTerminal(status: BatchStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'canceled';
}

export class BatchStore extends MigratedStore {
  constructor(storage: DurableObjectStorage) {
    super(storage, batchMigrations, 'batch');
  }

  /** Stores the spec once; a second call changes nothing. */
  create(spec: BatchSpec, now: number): void {
    this.sql.exec(
      "INSERT OR IGNORE INTO batch (one, spec, status, started_at, step) VALUES (1, ?, 'running', ?, ?)",
      JSON.stringify(spec),
      now,
      sharedStepsOf(spec.job),
    );
  }

  read(): BatchRecord | null {
    const [row] = this.sql.exec<BatchRow>('SELECT * FROM batch').toArray();
    if (row === undefined) return null;
    return {
      spec: JSON.parse(row.spec),
      status: row.status as BatchStatus,
      step: row.step,
      strikes: row.strikes,
      failingSince: row.failing_since,
      attempts: row.attempts,
      lastError: row.last_error,
      failure: row.failure === null ? null : JSON.parse(row.failure),
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      reported: row.reported === 1,
      paused: row.paused === 1,
      life: row.life,
    };
  }

  /**
   * Goes on, or begins anew in a later life: whatever was committed is where it begins.
   *
   * @param walking whether an alarm is at work, so that calls of the next steps may already have left
   */
  obey(orders: BatchOrders, walking: boolean, now: number): void {
    this.storage.transactionSync(() => {
      this.sql.exec('UPDATE batch SET paused = 0');
      if (this.read()!.life < orders.life) this.#beginLife(orders.life, now);
      const { status, step } = this.read()!;
      if (status !== 'running') return;
      const known = this.patches().length;
      for (const patch of orders.patches.slice(known)) {
        const from = reachableStep(step, walking);
        this.sql.exec(
          'INSERT OR IGNORE INTO patch (seq, step, body) VALUES (?, ?, ?)',
          patch.seq,
          from,
          JSON.stringify({ guidance: patch.guidance, classes: patch.classes }),
        );
        this.#addEvent('patch', { seq: patch.seq, step: from }, now);
      }
    });
  }

  /** A batch that failed, or was stopped because another had, goes on from its last good step. */
  #beginLife(life: number, now: number): void {
    const done = this.readState()?.done === true;
    this.sql.exec(
      `UPDATE batch SET life = ?, reported = 0, strikes = 0, failing_since = NULL, attempts = 0, last_error = NULL,
       failure = NULL, finished_at = NULL, status = CASE WHEN status = 'succeeded' THEN status ELSE ? END`,
      life,
      done ? 'finishing' : 'running',
    );
    this.#addEvent('resume', { life }, now);
  }

  /** Stands still from here on; what is committed stays. */
  pause(now: number): void {
    this.storage.transactionSync(() => {
      const { rowsWritten } = this.sql.exec(
        `UPDATE batch SET paused = 1 WHERE paused = 0 AND status IN ('running', 'finishing')`,
      );
      if (rowsWritten === 0) return;
      this.#abandonCall(now);
      this.#addEvent('pause', {}, now);
    });
  }

  /** A walk that is stopped gives up the call under way. */
  #abandonCall(now: number): void {
    const { rowsWritten } = this.sql.exec('UPDATE batch SET walking = 0 WHERE walking = 1');
    if (rowsWritten > 0) this.#addEvent('abandoned', {}, now);
  }

  /** Changes of course and the steps they hold from, by `seq`. */
  patches(): SteeredFrom[] {
    return this.sql
      .exec<{ seq: number; step: number; body: string }>('SELECT seq, step, body FROM patch ORDER BY seq')
      .toArray()
      .map(({ seq, step, body }) => ({ seq, step, ...JSON.parse(body) }));
  }

  /** Whether a state was stored, even if it has been dropped since. */
  hasBegun(): boolean {
    const { begun } = this.sql
      .exec<{ begun: number }>('SELECT sampler IS NOT NULL AS begun FROM batch')
      .one();
    return begun === 1;
  }

  /** The sampler's state as last committed; null before x_T was. */
  readState(): SamplerState | null {
    const { sampler } = this.sql.exec<{ sampler: string | null }>('SELECT sampler FROM batch').one();
    if (sampler === null) return null;
    const tensors = readTensors(this.sql);
    if (tensors.x === undefined) return null; // dropped after the batch had finished
    return { ...JSON.parse(sampler), tensors: { ...tensors, x: tensors.x } };
  }

  /** Stores where the walk begins, unless it has begun. */
  begin(state: SamplerState, keep: StepToKeep | null): void {
    const { tensors, ...scalars } = state;
    this.storage.transactionSync(() => {
      if (this.read()?.status !== 'running' || this.hasBegun()) return;
      for (const [name, tensor] of Object.entries(tensors)) writeTensor(this.sql, name, tensor);
      this.sql.exec("UPDATE batch SET sampler = ? WHERE status = 'running'", JSON.stringify(scalars));
      if (keep !== null) keepStep(this.sql, keep);
    });
  }

  /** Commits one step: x_t, step index, solver history, the step's event and what is kept of it, together. */
  commitStep(state: SamplerState, event: StepEvent, now: number, keep: StepToKeep | null = null): void {
    const { tensors, ...scalars } = state;
    this.storage.transactionSync(() => {
      for (const [name, tensor] of Object.entries(tensors)) writeTensor(this.sql, name, tensor);
      if (keep !== null) keepStep(this.sql, keep);
      this.sql.exec(
        `UPDATE batch SET sampler = ?, step = ?, status = ?, strikes = 0, failing_since = NULL, attempts = 0,
         last_error = NULL, walking = ? WHERE status = 'running'`,
        JSON.stringify(scalars),
        state.step,
        state.done ? 'finishing' : 'running',
        state.done ? 0 : 1,
      );
      this.#addEvent('step', { step: state.step, t: state.t, ...event }, now);
    });
  }

  /**
   * Counts an alarm that is about to work; a commit sets the count back. A crash leaves it standing, and the walk that
   * it cut off is on record: the call under way then is repeated.
   */
  strike(now: number): void {
    this.storage.transactionSync(() => {
      const { walking } = this.sql.exec<{ walking: number }>('SELECT walking FROM batch').one();
      if (walking === 1) this.#addEvent('cut_off', {}, now);
      this.sql.exec('UPDATE batch SET strikes = strikes + 1, walking = 1');
    });
  }

  /** The walk ends here in good order, and another goes on. */
  rest(): void {
    this.sql.exec('UPDATE batch SET walking = 0');
  }

  /** What is left of the images when their tensors are gone. */
  saveOutputs({ digests, pixelsCrc32 }: OutputRecord): void {
    this.sql.exec('UPDATE batch SET digests = ?, pixels_crc32 = ?', JSON.stringify(digests), pixelsCrc32);
  }

  /** What the batch did, from the events of its steps; cheap, but not for every report. */
  receipt(): BatchReceipt {
    const { digests, pixels_crc32 } = this.sql
      .exec<{ digests: string | null; pixels_crc32: number | null }>(
        'SELECT digests, pixels_crc32 FROM batch',
      )
      .one();
    const known = digests === null ? null : JSON.parse(digests);
    return receiptFrom(this.sql, { digests: known, pixelsCrc32: pixels_crc32 });
  }

  /** @param ofCall whether a call failed, and not the bucket or our own arithmetic */
  recordRetry(message: string, now: number, ofCall = true): void {
    this.storage.transactionSync(() => {
      this.sql.exec(
        `UPDATE batch SET attempts = attempts + 1, failing_since = coalesce(failing_since, ?), last_error = ?,
         strikes = 0, walking = 0`,
        now,
        message,
      );
      this.#addEvent('retry', { message, call: ofCall }, now);
    });
  }

  /** Ends the batch; a batch that has ended stays as it ended. */
  finish(
    status: 'succeeded' | 'failed' | 'canceled',
    failure: Failure | null,
    keepState: boolean,
    now: number,
  ): void {
    this.storage.transactionSync(() => {
      const { rowsWritten } = this.sql.exec(
        `UPDATE batch SET status = ?, failure = ?, finished_at = ? WHERE status IN ('running', 'finishing')`,
        status,
        failure === null ? null : JSON.stringify(failure),
        now,
      );
      if (rowsWritten === 0) return;
      if (status === 'canceled') this.#abandonCall(now);
      this.sql.exec('UPDATE batch SET walking = 0');
      if (!keepState) this.sql.exec('DELETE FROM tensor');
      this.#addEvent(status, failure === null ? {} : { ...failure }, now);
    });
  }

  keptSteps(): KeptStep[] {
    return keptSteps(this.sql);
  }

  /** `[N, C, H, W]`; null if it is not kept. */
  keptTensor(step: number, what: KeptTensor): Float32Array | null {
    return keptTensor(this.sql, step, what);
  }

  keptState(step: number): KeptState | null {
    return keptState(this.sql, step);
  }

  keptChunk(step: number, name: string, seq: number): ArrayBuffer | null {
    return keptChunk(this.sql, step, name, seq);
  }

  markReported(): void {
    this.sql.exec('UPDATE batch SET reported = 1');
  }

  #addEvent(kind: string, data: Readonly<Record<string, unknown>>, now: number): void {
    this.sql.exec('INSERT INTO event (at, kind, data) VALUES (?, ?, ?)', now, kind, JSON.stringify(data));
  }
}
