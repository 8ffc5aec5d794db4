/**
 * The batches of a job as it knows them: a row each. What is asked after every report is found by an index over the
 * phases, so that it costs the same with ten batches and with fifty thousand.
 */
import type { BatchReport } from '../batch/report.ts';
import type { BatchPhase, BatchView } from './job-record.ts';

interface BatchRow extends Record<string, SqlStorageValue> {
  idx: number;
  phase: string;
  life: number;
  report: string | null;
  reached: number;
  seen_at: number;
  retry_at: number | null;
  failures: number;
  digests: string | null;
}

/** Hexadecimal digits of a SHA-256. */
const DIGEST_LENGTH = 64;

/** What it said is over, but not the steps that it took: in its next life it goes on from there. */
const KEEP_STEP = "reached = coalesce(report ->> 'step', reached), report = NULL";

/** Batches and the CRC-32 of their pixels, by index. */
export interface WrittenBatches {
  readonly indices: Uint32Array;
  readonly crc32: Uint32Array;
}

export class BatchTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** A second call changes nothing. */
  fill(count: number): void {
    this.#sql.exec(
      `WITH RECURSIVE counter (idx) AS (SELECT 0 UNION ALL SELECT idx + 1 FROM counter WHERE idx + 1 < ?)
       INSERT OR IGNORE INTO batch (idx) SELECT idx FROM counter`,
      count,
    );
  }

  /** Neither fresh nor succeeded. */
  open(): BatchView[] {
    return this.#views("WHERE phase IN ('open', 'aside', 'failed', 'canceled') ORDER BY idx");
  }

  /** The first that were not begun. */
  fresh(limit: number): BatchView[] {
    return this.#views("WHERE phase = 'fresh' ORDER BY idx LIMIT ?", limit);
  }

  /** @param to not included */
  range(from: number, to: number): BatchView[] {
    return this.#views('WHERE idx >= ? AND idx < ? ORDER BY idx', from, to);
  }

  succeeded(from: number, limit: number): BatchView[] {
    return this.#views("WHERE phase = 'succeeded' AND idx >= ? ORDER BY idx LIMIT ?", from, limit);
  }

  succeededIndices(): number[] {
    const rows = this.#sql.exec<{ idx: number }>("SELECT idx FROM batch WHERE phase = 'succeeded'");
    return rows.toArray().map(({ idx }) => idx);
  }

  one(index: number): (BatchView & { readonly failures: number }) | null {
    const [row] = this.#sql.exec<BatchRow>('SELECT * FROM batch WHERE idx = ?', index).toArray();
    return row === undefined ? null : { ...viewOf(row), failures: row.failures };
  }

  /** They are about to be told to begin: from here on their objects may exist. */
  markTold(batches: readonly BatchView[]): void {
    for (const { index, phase } of batches) {
      if (phase !== 'open') this.#sql.exec("UPDATE batch SET phase = 'open' WHERE idx = ?", index);
    }
  }

  save(
    index: number,
    phase: BatchPhase,
    report: BatchReport,
    now: number,
    retryAt: number | null = null,
  ): void {
    this.#sql.exec(
      `UPDATE batch SET phase = ?, report = ?, seen_at = ?, retry_at = ?, failures = failures + ? WHERE idx = ?`,
      phase,
      JSON.stringify(report),
      now,
      retryAt,
      report.status === 'failed' ? 1 : 0,
      index,
    );
  }

  saveOutputs(index: number, digests: readonly string[], crc32: number | null): void {
    this.#sql.exec('UPDATE batch SET digests = ?, crc32 = ? WHERE idx = ?', digests.join(''), crc32, index);
  }

  /** Those that stand aside and whose time has come begin anew. */
  takeUpAgain(now: number): void {
    this.#sql.exec(
      `UPDATE batch SET phase = 'fresh', ${KEEP_STEP}, retry_at = NULL, life = life + 1
       WHERE phase = 'aside' AND retry_at <= ?`,
      now,
    );
  }

  /** Whatever ended without success begins anew. */
  takeUpAll(): void {
    this.#sql.exec(
      `UPDATE batch SET phase = 'fresh', ${KEEP_STEP}, retry_at = NULL, failures = 0, life = life + 1
       WHERE phase IN ('open', 'aside', 'failed', 'canceled')`,
    );
  }

  /** None is taken up again by itself. */
  giveUp(): void {
    this.#sql.exec("UPDATE batch SET phase = 'failed', retry_at = NULL WHERE phase = 'aside'");
  }

  /** What they said last may be out of date: they are asked at once. */
  doubt(): void {
    this.#sql.exec("UPDATE batch SET seen_at = 0 WHERE phase = 'open'");
  }

  /** Those whose objects may hold something although they did not succeed. */
  leftOver(): number[] {
    const rows = this.#sql.exec<{ idx: number }>(
      `SELECT idx FROM batch WHERE phase IN ('open', 'aside', 'failed', 'canceled')
       OR (phase = 'fresh' AND life > 1) ORDER BY idx`,
    );
    return rows.toArray().map(({ idx }) => idx);
  }

  written(): WrittenBatches {
    const rows = this.#sql
      .exec<{ idx: number; crc32: number | null }>(
        "SELECT idx, crc32 FROM batch WHERE phase = 'succeeded' ORDER BY idx",
      )
      .toArray();
    return {
      indices: Uint32Array.from(rows, ({ idx }) => idx),
      crc32: Uint32Array.from(rows, ({ crc32 }) => crc32 ?? 0),
    };
  }

  /** SHA-256 of all final tensors, 32 bytes each, in the order of the images. */
  allDigests(): Uint8Array<ArrayBuffer> {
    const rows = this.#sql.exec<{ digests: string | null }>('SELECT digests FROM batch ORDER BY idx');
    return Uint8Array.fromHex([...rows].map(({ digests }) => digests ?? '').join(''));
  }

  #views(condition: string, ...values: number[]): BatchView[] {
    return this.#sql
      .exec<BatchRow>(`SELECT * FROM batch ${condition}`, ...values)
      .toArray()
      .map(viewOf);
  }
}

function viewOf({ idx, phase, life, report, reached, seen_at, retry_at, digests }: BatchRow): BatchView {
  return {
    index: idx,
    phase: phase as BatchPhase,
    life,
    report: report === null ? null : JSON.parse(report),
    reached,
    seenAt: seen_at,
    retryAt: retry_at,
    digests: digests === null ? null : splitDigests(digests),
  };
}

function splitDigests(joined: string): string[] {
  return Array.from({ length: joined.length / DIGEST_LENGTH }, (_, i) =>
    joined.slice(i * DIGEST_LENGTH, (i + 1) * DIGEST_LENGTH),
  );
}
