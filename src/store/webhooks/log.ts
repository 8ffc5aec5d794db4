/** The log of webhook deliveries in D1: read, and delivered again. */
import type { D1Database } from '@cloudflare/workers-types';
import type { SampleEvent } from '../../durable/job/event-names.ts';
import type { ListPosition } from '../samples.ts';
import type { Attempt, DeliveryStatus } from './deliveries.ts';

export interface LoggedDelivery {
  readonly id: string;
  /** The header webhook-id. */
  readonly message: string;
  readonly sample: string;
  readonly event: SampleEvent;
  /** Null for the sample's own URL. */
  readonly endpoint: string | null;
  readonly url: string;
  readonly status: DeliveryStatus;
  /** Since it was last started. */
  readonly attempts: number;
  /** ms since the epoch, while it is pending. */
  readonly nextAttemptAt: number | null;
  readonly lastResult: string | null;
  readonly createdAt: number;
  /** The latest. */
  readonly lastAttempt: Attempt | null;
}

export interface DeliveryFilter {
  readonly endpoint: string | null;
  readonly sample: string | null;
  readonly status: DeliveryStatus | null;
  readonly event: string | null;
  /** ms since the epoch; `since` is within, `until` is not. */
  readonly since: number | null;
  readonly until: number | null;
}

interface LogRow {
  readonly id: string;
  readonly message: string;
  readonly sample: string;
  readonly event: string;
  readonly endpoint: string | null;
  readonly url: string;
  readonly status: string;
  readonly attempts: number;
  readonly next_attempt_at: number | null;
  readonly last_result: string | null;
  readonly created_at: number;
  readonly at: number | null;
  readonly duration_ms: number | null;
  readonly status_code: number | null;
  readonly result: string | null;
}

interface AttemptRow {
  readonly at: number;
  readonly duration_ms: number;
  readonly status_code: number | null;
  readonly result: string;
}

const LOGGED = `
  SELECT d.id, d.message, d.sample, d.event, d.endpoint, d.url, d.status, d.attempts, d.next_attempt_at,
    d.last_result, d.created_at, a.at, a.duration_ms, a.status_code, a.result
  FROM webhook_delivery d
  LEFT JOIN webhook_attempt a ON a.seq = (SELECT max(seq) FROM webhook_attempt WHERE delivery = d.id)`;

const FILTERED = `account = ?1 AND (?2 IS NULL OR endpoint = ?2) AND (?3 IS NULL OR sample = ?3)
  AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR event = ?5)
  AND (?6 IS NULL OR created_at >= ?6) AND (?7 IS NULL OR created_at < ?7)`;

/** A delivery that could be made: its receiver is still there and wants it. */
const REACHABLE = `(endpoint IS NULL OR EXISTS
  (SELECT 1 FROM webhook_endpoint e WHERE e.id = webhook_delivery.endpoint AND e.disabled_at IS NULL))`;

function values(account: string, filter: DeliveryFilter): (string | number | null)[] {
  const { endpoint, sample, status, event, since, until } = filter;
  return [account, endpoint, sample, status, event, since, until];
}

/** Newest first. @param after only what follows this place */
export async function listDeliveries(
  db: D1Database,
  account: string,
  filter: DeliveryFilter,
  after: ListPosition | null,
  limit: number,
): Promise<LoggedDelivery[]> {
  const { results } = await db
    .prepare(
      `${LOGGED} WHERE d.id IN (
         SELECT id FROM webhook_delivery WHERE ${FILTERED} AND (?8 IS NULL OR (created_at, id) < (?8, ?9))
         ORDER BY created_at DESC, id DESC LIMIT ?10)
       ORDER BY d.created_at DESC, d.id DESC`,
    )
    .bind(...values(account, filter), after?.createdAt ?? null, after?.id ?? null, limit)
    .all<LogRow>();
  return results.map(toDelivery);
}

/** @returns null if the account has no such delivery */
export async function findDelivery(
  db: D1Database,
  account: string,
  id: string,
): Promise<LoggedDelivery | null> {
  const row = await db
    .prepare(`${LOGGED} WHERE d.account = ? AND d.id = ?`)
    .bind(account, id)
    .first<LogRow>();
  return row === null ? null : toDelivery(row);
}

/** The latest attempts of a delivery, oldest first, and the bytes that were sent. */
export async function readDelivery(
  db: D1Database,
  { id, message }: LoggedDelivery,
  limit: number,
): Promise<{ readonly attempts: Attempt[]; readonly body: string }> {
  const { results } = await db
    .prepare(
      `SELECT at, duration_ms, status_code, result FROM webhook_attempt WHERE delivery = ?
       ORDER BY seq DESC LIMIT ?`,
    )
    .bind(id, limit)
    .all<AttemptRow>();
  const row = await db
    .prepare('SELECT body FROM webhook_message WHERE id = ?')
    .bind(message)
    .first<{ body: string }>();
  return { attempts: results.toReversed().map(toAttempt), body: row?.body ?? '' };
}

/**
 * Starts a delivery from the beginning of its schedule, whatever became of it before.
 *
 * @returns whether it can be made: false if its endpoint is disabled or deleted
 */
export async function restartDelivery(db: D1Database, id: string, now: number): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE webhook_delivery SET status = 'pending', attempts = 0, next_attempt_at = ?2
       WHERE id = ?1 AND ${REACHABLE}`,
    )
    .bind(id, now)
    .run();
  return meta.changes > 0;
}

/**
 * The same for every delivery that the filter names and that is not pending, the oldest first.
 *
 * @returns their ids, at most `limit`: calling again starts those that are left, once these are no longer named
 */
export async function restartDeliveries(
  db: D1Database,
  account: string,
  filter: DeliveryFilter,
  now: number,
  limit: number,
): Promise<string[]> {
  const { results } = await db
    .prepare(
      `UPDATE webhook_delivery SET status = 'pending', attempts = 0, next_attempt_at = ?8
       WHERE id IN (SELECT id FROM webhook_delivery
         WHERE ${FILTERED} AND status <> 'pending' AND ${REACHABLE} ORDER BY created_at, id LIMIT ?9)
       RETURNING id`,
    )
    .bind(...values(account, filter), now, limit)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

function toDelivery(row: LogRow): LoggedDelivery {
  const { id, message, sample, endpoint, url, attempts, at, duration_ms, result } = row;
  return {
    id,
    message,
    sample,
    endpoint,
    url,
    attempts,
    event: row.event as SampleEvent,
    status: row.status as DeliveryStatus,
    nextAttemptAt: row.next_attempt_at,
    lastResult: row.last_result,
    createdAt: row.created_at,
    lastAttempt:
      at === null || duration_ms === null || result === null
        ? null
        : toAttempt({ at, duration_ms, status_code: row.status_code, result }),
  };
}

function toAttempt({ at, duration_ms, status_code, result }: AttemptRow): Attempt {
  return { at, durationMs: duration_ms, statusCode: status_code, result };
}
