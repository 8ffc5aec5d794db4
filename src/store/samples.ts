/** The index of samples in D1. Their durable objects are the truth; the index follows them. */
import type { D1Database } from '@cloudflare/workers-types';

/** What a job keeps its row up to date with. */
export interface SampleState {
  readonly status: string;
  /** ms since the epoch, as are the others. */
  readonly finishedAt: number | null;
  readonly expiresAt: number | null;
}

export interface IndexedSample extends SampleState {
  readonly id: string;
  readonly account: string;
  readonly model: string;
  readonly kind: string;
  readonly createdAt: number;
  /** Images. */
  readonly count: number;
  readonly steps: number;
  readonly priority: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What it takes of the day's quota. */
  readonly imageSteps: number;
}

export interface SampleFilter {
  readonly statuses: readonly string[] | null;
  readonly model: string | null;
  /** ms since the epoch; both ends are left out. */
  readonly createdAfter: number | null;
  readonly createdBefore: number | null;
}

/** The place of a sample in its account's list, newest first. New samples do not move it. */
export interface ListPosition {
  readonly createdAt: number;
  readonly id: string;
}

interface SampleRow {
  readonly id: string;
  readonly account: string;
  readonly status: string;
  readonly model: string;
  readonly kind: string;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly expires_at: number | null;
  readonly count: number;
  readonly steps: number;
  readonly priority: string;
  readonly metadata: string;
  readonly image_steps: number;
}

export const SAMPLE_COLUMNS =
  'id, account, status, model, kind, created_at, finished_at, expires_at, count, steps, priority, metadata, image_steps';

/** Values of {@link SAMPLE_COLUMNS}, in their order. */
export function sampleValues(sample: IndexedSample): (string | number | null)[] {
  return [
    sample.id,
    sample.account,
    sample.status,
    sample.model,
    sample.kind,
    sample.createdAt,
    sample.finishedAt,
    sample.expiresAt,
    sample.count,
    sample.steps,
    sample.priority,
    JSON.stringify(sample.metadata),
    sample.imageSteps,
  ];
}

/**
 * Writes what a job says of itself.
 *
 * @param version 1 or more, grows with every word of the job: an older one that comes late changes nothing
 * @param first no earlier word is known to have arrived: makes the row if it is not there. Later words do not bring
 * back a row that was removed
 */
export async function writeSample(
  db: D1Database,
  sample: IndexedSample,
  version: number,
  first: boolean,
): Promise<void> {
  const { id, status, finishedAt, expiresAt } = sample;
  if (first) {
    const marks = sampleValues(sample).map(() => '?');
    await db
      .prepare(
        `INSERT INTO sample (${SAMPLE_COLUMNS}, version) VALUES (${marks.join(', ')}, ?)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, finished_at = excluded.finished_at,
         expires_at = excluded.expires_at, version = excluded.version WHERE version < excluded.version`,
      )
      .bind(...sampleValues(sample), version)
      .run();
    return;
  }
  await db
    .prepare(
      `UPDATE sample SET status = ?1, finished_at = ?2, expires_at = ?3, version = ?4
       WHERE id = ?5 AND version < ?4`,
    )
    .bind(status, finishedAt, expiresAt, version, id)
    .run();
}

/** The row goes, and with it what its idempotency key stood for. Idempotent. */
export async function removeSample(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('DELETE FROM idempotency_key WHERE sample = ?').bind(id),
    db.prepare('DELETE FROM sample WHERE id = ?').bind(id),
  ]);
}

/** Newest first. @param after only what follows this place */
export async function listSamples(
  db: D1Database,
  account: string,
  { statuses, model, createdAfter, createdBefore }: SampleFilter,
  after: ListPosition | null,
  limit: number,
): Promise<IndexedSample[]> {
  const { results } = await db
    .prepare(
      `SELECT ${SAMPLE_COLUMNS} FROM sample
       WHERE account = ?1
         AND (?2 IS NULL OR status IN (SELECT value FROM json_each(?2)))
         AND (?3 IS NULL OR model = ?3)
         AND (?4 IS NULL OR created_at > ?4)
         AND (?5 IS NULL OR created_at < ?5)
         AND (?6 IS NULL OR (created_at, id) < (?6, ?7))
       ORDER BY created_at DESC, id DESC LIMIT ?8`,
    )
    .bind(
      account,
      statuses === null ? null : JSON.stringify(statuses),
      model,
      createdAfter,
      createdBefore,
      after?.createdAt ?? null,
      after?.id ?? null,
      limit,
    )
    .all<SampleRow>();
  return results.map(toSample);
}

function toSample(row: SampleRow): IndexedSample {
  return {
    id: row.id,
    account: row.account,
    status: row.status,
    model: row.model,
    kind: row.kind,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    expiresAt: row.expires_at,
    count: row.count,
    steps: row.steps,
    priority: row.priority,
    metadata: JSON.parse(row.metadata),
    imageSteps: row.image_steps,
  };
}
