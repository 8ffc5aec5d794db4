/** Messages and their deliveries in D1: made, claimed by one consumer at a time, settled. */
import type { D1Database } from '@cloudflare/workers-types';
import type { SampleEvent } from '../../durable/job/event-names.ts';
import { newId } from '../../ids.ts';
import { disable, type WebhookEndpoint } from './endpoints.ts';

/** One event, with the bytes that every receiver gets. */
export interface WebhookMessage {
  /** The header webhook-id. */
  readonly id: string;
  readonly account: string;
  readonly sample: string;
  readonly event: SampleEvent;
  readonly body: string;
}

/** Who gets a message: an endpoint of the account, or the sample's own URL. */
export interface WebhookReceiver {
  /** Null for the sample's own URL. */
  readonly endpoint: string | null;
  readonly url: string;
  /** Of the sample's own URL; null: the deployment's, or the endpoint's. */
  readonly secret: string | null;
  /** Not null: nothing is sent, the delivery is a dead letter from the start and says why. */
  readonly dead: string | null;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'dead';

/** A delivery that a consumer has claimed, and what it takes to make it. */
export interface DueDelivery {
  readonly id: string;
  readonly message: string;
  readonly sample: string;
  readonly body: string;
  readonly url: string;
  /** Of the sample's own URL; null: the deployment's, or the endpoint's. */
  readonly secret: string | null;
  /** Null for the sample's own URL. */
  readonly endpoint: string | null;
  /** Made since it was last started. */
  readonly attempts: number;
}

/** What an attempt came to. */
export interface Attempt {
  /** ms since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  /** Null: there was no answer. */
  readonly statusCode: number | null;
  readonly result: string;
}

export interface Settlement {
  readonly status: DeliveryStatus;
  /** ms since the epoch, while it is pending. */
  readonly nextAttemptAt: number | null;
  /** Whether the endpoint is to be disabled for it: at once, or if it has been failing since before that time. */
  readonly disable: 'gone' | { readonly ifFailingSince: number } | null;
}

/**
 * Writes messages and who is to get them, in one transaction. Idempotent: a receiver of a message is written once.
 *
 * @returns deliveries of these messages that are due
 */
export async function saveMessages(
  db: D1Database,
  messages: readonly { readonly message: WebhookMessage; readonly receivers: readonly WebhookReceiver[] }[],
  now: number,
): Promise<string[]> {
  const statements = messages.flatMap(({ message, receivers }) => [
    db
      .prepare(
        `INSERT OR IGNORE INTO webhook_message (id, account, sample, event, body, created_at)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .bind(message.id, message.account, message.sample, message.event, message.body, now),
    ...receivers.map(({ endpoint, url, secret, dead }) =>
      db
        .prepare(
          `INSERT OR IGNORE INTO webhook_delivery
           (id, message, account, sample, event, endpoint, url, secret, status, next_attempt_at, last_result, created_at)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, iif(?9 IS NULL, 'pending', 'dead'), iif(?9 IS NULL, ?10, NULL), ?9, ?10)`,
        )
        .bind(
          newId('whd'),
          message.id,
          message.account,
          message.sample,
          message.event,
          endpoint,
          url,
          secret,
          dead,
          now,
        ),
    ),
  ]);
  const due = db
    .prepare(
      `SELECT id FROM webhook_delivery WHERE message IN (SELECT value FROM json_each(?1))
       AND status = 'pending' AND next_attempt_at <= ?2`,
    )
    .bind(JSON.stringify(messages.map(({ message }) => message.id)), now);
  const results = await db.batch<{ id: string }>([...statements, due]);
  return results.at(-1)!.results.map(({ id }) => id);
}

/**
 * Takes a delivery that is due, until `lease`: who finds it pending after that knows that its consumer was lost.
 *
 * @returns null if it is not due, under way elsewhere, or settled
 */
export async function claimDelivery(
  db: D1Database,
  id: string,
  now: number,
  lease: number,
): Promise<DueDelivery | null> {
  const row = await db
    .prepare(
      `UPDATE webhook_delivery SET next_attempt_at = ?3,
       url = coalesce((SELECT url FROM webhook_endpoint WHERE id = webhook_delivery.endpoint), url)
       WHERE id = ?1 AND status = 'pending' AND next_attempt_at <= ?2
       RETURNING id, message, sample, url, secret, endpoint, attempts,
       (SELECT body FROM webhook_message WHERE id = webhook_delivery.message) AS body`,
    )
    .bind(id, now, lease)
    .first<DueDelivery>();
  return row;
}

/** Writes what an attempt came to, and what follows for the delivery and for the endpoint, in one transaction. */
export async function settleAttempt(
  db: D1Database,
  due: DueDelivery,
  attempt: Attempt,
  { status, nextAttemptAt, disable: disabling }: Settlement,
): Promise<void> {
  const { at, durationMs, statusCode, result } = attempt;
  const now = at + durationMs;
  const statements = [
    db
      .prepare(
        'INSERT INTO webhook_attempt (delivery, at, duration_ms, status_code, result) VALUES (?, ?, ?, ?, ?)',
      )
      .bind(due.id, at, durationMs, statusCode, result),
    // One that was given up meanwhile stays so, unless it has arrived after all.
    db
      .prepare(
        `UPDATE webhook_delivery SET status = ?2, next_attempt_at = ?3, last_result = ?4, attempts = ?5
         WHERE id = ?1 AND (status = 'pending' OR ?2 = 'delivered')`,
      )
      .bind(due.id, status, nextAttemptAt, result, due.attempts + 1),
  ];
  if (due.endpoint !== null) {
    statements.push(
      db
        .prepare(
          `UPDATE webhook_endpoint SET failing_since = iif(?2 = 'delivered', NULL, coalesce(failing_since, ?3))
           WHERE id = ?1`,
        )
        .bind(due.endpoint, status, at),
    );
    if (disabling === 'gone') statements.push(...disable(db, due.endpoint, 'gone', now));
    else if (disabling !== null && (await failsSince(db, due.endpoint, disabling.ifFailingSince))) {
      statements.push(...disable(db, due.endpoint, 'failing', now));
    }
  }
  await db.batch(statements);
}

async function failsSince(db: D1Database, endpoint: string, time: number): Promise<boolean> {
  const row = await db
    .prepare('SELECT 1 AS found FROM webhook_endpoint WHERE id = ? AND failing_since <= ?')
    .bind(endpoint, time)
    .first();
  return row !== null;
}

/** What an endpoint is to a new message; null if it gets none of it. */
export function receiverOf(endpoint: WebhookEndpoint, event: SampleEvent): WebhookReceiver | null {
  if (!endpoint.events.includes(event) || endpoint.disabledReason === 'by_user') return null;
  const dead = endpoint.disabledReason === null ? null : 'not sent: the endpoint was disabled';
  return { endpoint: endpoint.id, url: endpoint.url, secret: null, dead };
}
