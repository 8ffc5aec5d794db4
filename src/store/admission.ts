/** A sample enters the index, its account's use and its idempotency key together, or not at all. */
import type { D1Database, D1PreparedStatement } from '@cloudflare/workers-types';
import { type AccountUse, dayOf, type Quotas, toUse, USE_COLUMNS, type UseRow } from './quotas.ts';
import { type IndexedSample, SAMPLE_COLUMNS, sampleValues } from './samples.ts';

/** How long a key stands for its sample, ms. */
const KEY_LIFE_MS = 86_400_000;
/**
 * A row whose job has not said a word for this long, ms, is left over from a request that died between the index and
 * the job. It gives back what it took; should the job be there after all, its first word makes the row again.
 */
const UNCONFIRMED_MS = 600_000;

export interface IdempotencyKey {
  readonly key: string;
  /** Of the request. */
  readonly hash: string;
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** The key stands for this sample already; its job may still have to be made. */
  | { readonly kind: 'known'; readonly sample: string; readonly sameRequest: boolean }
  | ({ readonly kind: 'refused' } & AccountUse);

interface AdmissionRow extends UseRow {
  readonly admitted: number;
  readonly known: string | null;
  readonly known_hash: string | null;
}

/**
 * One round trip, one transaction: of requests that come at the same time no more are admitted than there is room for.
 *
 * @param sample with an id that was never used
 */
export async function admitSample(
  db: D1Database,
  sample: IndexedSample,
  key: IdempotencyKey | null,
  defaults: Quotas,
): Promise<Admission> {
  const now = sample.createdAt;
  const results = await db.batch<AdmissionRow>([
    ...sweep(db, sample.account, now),
    insertIfRoom(db, sample, key, defaults),
    db
      .prepare(
        `INSERT INTO daily_use (account, day, images, image_steps)
         SELECT ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM sample WHERE id = ?)
         ON CONFLICT (account, day) DO UPDATE SET images = images + excluded.images,
         image_steps = image_steps + excluded.image_steps`,
      )
      .bind(sample.account, dayOf(now), sample.count, sample.imageSteps, sample.id),
    db
      .prepare(
        `INSERT INTO idempotency_key (account, key, hash, sample, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?2 IS NOT NULL AND EXISTS (SELECT 1 FROM sample WHERE id = ?4)`,
      )
      .bind(sample.account, key?.key ?? null, key?.hash ?? null, sample.id, now + KEY_LIFE_MS),
    db
      .prepare(
        `SELECT ${USE_COLUMNS}, EXISTS (SELECT 1 FROM sample WHERE id = ?1) AS admitted,
           k.sample AS known, k.hash AS known_hash
         FROM account a LEFT JOIN daily_use u ON u.account = a.id AND u.day = ?2
           LEFT JOIN idempotency_key k ON k.account = a.id AND k.key = ?3
         WHERE a.id = ?4`,
      )
      .bind(sample.id, dayOf(now), key?.key ?? null, sample.account),
  ]);
  const [row] = results.at(-1)!.results;
  if (row === undefined) throw new Error(`account ${sample.account} is not in the database`);
  if (row.admitted === 1) return { kind: 'admitted' };
  if (row.known !== null) {
    return { kind: 'known', sample: row.known, sameRequest: row.known_hash === key?.hash };
  }
  return { kind: 'refused', ...toUse(row, defaults) };
}

function insertIfRoom(
  db: D1Database,
  sample: IndexedSample,
  key: IdempotencyKey | null,
  { activeJobs, imagesPerDay, imageStepsPerDay }: Quotas,
): D1PreparedStatement {
  const values = sampleValues(sample);
  return db
    .prepare(
      `INSERT INTO sample (${SAMPLE_COLUMNS}, version)
       SELECT ${values.map(() => '?').join(', ')}, 0
       FROM account a LEFT JOIN daily_use u ON u.account = a.id AND u.day = ?
       WHERE a.id = ?
         AND NOT EXISTS (SELECT 1 FROM idempotency_key WHERE account = a.id AND key = ?)
         AND (SELECT count(*) FROM sample WHERE account = a.id AND finished_at IS NULL) < coalesce(a.active_jobs, ?)
         AND coalesce(u.images, 0) + ? <= coalesce(a.images_per_day, ?)
         AND coalesce(u.image_steps, 0) + ? <= coalesce(a.image_steps_per_day, ?)`,
    )
    .bind(
      ...values,
      dayOf(sample.createdAt),
      sample.account,
      key?.key ?? null,
      activeJobs,
      sample.count,
      imagesPerDay,
      sample.imageSteps,
      imageStepsPerDay,
    );
}

/** Expired keys go, and what requests that died have left behind. */
function sweep(db: D1Database, account: string, now: number): D1PreparedStatement[] {
  const left = 'account = ?1 AND version = 0 AND created_at < ?2';
  const before = now - UNCONFIRMED_MS;
  return [
    db
      .prepare(
        `UPDATE daily_use SET
           images = images - (SELECT coalesce(sum(count), 0) FROM sample WHERE ${left} AND created_at >= ?4),
           image_steps = image_steps - (SELECT coalesce(sum(image_steps), 0) FROM sample WHERE ${left} AND created_at >= ?4)
         WHERE account = ?1 AND day = ?3 AND EXISTS (SELECT 1 FROM sample WHERE ${left})`,
      )
      .bind(account, before, dayOf(now), Date.parse(dayOf(now))),
    db
      .prepare(
        `DELETE FROM idempotency_key WHERE account = ?1
         AND (expires_at <= ?3 OR sample IN (SELECT id FROM sample WHERE ${left}))`,
      )
      .bind(account, before, now),
    db.prepare(`DELETE FROM sample WHERE ${left}`).bind(account, before),
  ];
}
