/** Webhook endpoints of accounts in D1. */
import type { D1Database, D1PreparedStatement } from '@cloudflare/workers-types';
import type { SampleEvent } from '../../durable/job/event-names.ts';
import { newId } from '../../ids.ts';

/** by_user: switched off. gone: it answered 410. failing: nothing arrived for days. */
export type DisabledReason = 'by_user' | 'gone' | 'failing';

export interface WebhookEndpoint {
  readonly id: string;
  readonly account: string;
  readonly url: string;
  readonly description: string;
  readonly events: readonly SampleEvent[];
  /** `whsec_...` */
  readonly secret: string;
  /** After a rotation: the old one, which signs beside the new one until `previousUntil`. */
  readonly previousSecret: string | null;
  /** ms since the epoch, as are the others. */
  readonly previousUntil: number | null;
  readonly createdAt: number;
  readonly disabledAt: number | null;
  readonly disabledReason: DisabledReason | null;
  /** First failure after which nothing arrived. */
  readonly failingSince: number | null;
}

/** What its owner decides. */
export interface EndpointSettings {
  readonly url: string;
  readonly description: string;
  readonly events: readonly SampleEvent[];
}

/** What is undefined stays. */
export interface EndpointChange {
  readonly url?: string | undefined;
  readonly description?: string | undefined;
  readonly events?: readonly SampleEvent[] | undefined;
  /** True forgets why it was disabled, and what failed before. */
  readonly enabled?: boolean | undefined;
}

interface EndpointRow {
  readonly id: string;
  readonly account: string;
  readonly url: string;
  readonly description: string;
  readonly events: string;
  readonly secret: string;
  readonly previous_secret: string | null;
  readonly previous_until: number | null;
  readonly created_at: number;
  readonly disabled_at: number | null;
  readonly disabled_reason: string | null;
  readonly failing_since: number | null;
}

const SECRET_BYTES = 32;

/** `whsec_` and base64, as Standard Webhooks writes them. */
export function newSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(SECRET_BYTES))))}`;
}

/** Those that sign now, the newest first. */
export function secretsOf(endpoint: WebhookEndpoint, now: number): string[] {
  const { secret, previousSecret, previousUntil } = endpoint;
  return previousSecret !== null && (previousUntil ?? 0) > now ? [secret, previousSecret] : [secret];
}

/** @returns null if the account has `limit` endpoints already */
export async function createEndpoint(
  db: D1Database,
  account: string,
  { url, description, events }: EndpointSettings,
  limit: number,
  now: number,
): Promise<WebhookEndpoint | null> {
  const row = await db
    .prepare(
      `INSERT INTO webhook_endpoint (id, account, url, description, events, secret, created_at)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
       WHERE (SELECT count(*) FROM webhook_endpoint WHERE account = ?2) < ?8 RETURNING *`,
    )
    .bind(newId('whe'), account, url, description, JSON.stringify(events), newSecret(), now, limit)
    .first<EndpointRow>();
  return row === null ? null : toEndpoint(row);
}

/** Oldest first. */
export async function listEndpoints(db: D1Database, account: string): Promise<WebhookEndpoint[]> {
  const { results } = await db
    .prepare('SELECT * FROM webhook_endpoint WHERE account = ? ORDER BY created_at, id')
    .bind(account)
    .all<EndpointRow>();
  return results.map(toEndpoint);
}

/** For what the Worker does by itself: no caller asks. */
export async function findEndpointById(db: D1Database, id: string): Promise<WebhookEndpoint | null> {
  const row = await db.prepare('SELECT * FROM webhook_endpoint WHERE id = ?').bind(id).first<EndpointRow>();
  return row === null ? null : toEndpoint(row);
}

/** @returns null if the account has no such endpoint */
export async function findEndpoint(
  db: D1Database,
  account: string,
  id: string,
): Promise<WebhookEndpoint | null> {
  const row = await db
    .prepare('SELECT * FROM webhook_endpoint WHERE account = ? AND id = ?')
    .bind(account, id)
    .first<EndpointRow>();
  return row === null ? null : toEndpoint(row);
}

export async function updateEndpoint(
  db: D1Database,
  id: string,
  change: EndpointChange,
  now: number,
): Promise<void> {
  const { url, description, events, enabled } = change;
  const settings = db
    .prepare(
      `UPDATE webhook_endpoint SET url = coalesce(?2, url), description = coalesce(?3, description),
       events = coalesce(?4, events) WHERE id = ?1`,
    )
    .bind(id, url ?? null, description ?? null, events === undefined ? null : JSON.stringify(events));
  if (enabled === undefined) return void (await settings.run());
  await db.batch([settings, ...(enabled ? [enable(db, id)] : disable(db, id, 'by_user', now))]);
}

function enable(db: D1Database, id: string): D1PreparedStatement {
  return db
    .prepare(
      'UPDATE webhook_endpoint SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL WHERE id = ?',
    )
    .bind(id);
}

/** Its pending deliveries are dead letters at once. The first reason stays. */
export function disable(
  db: D1Database,
  id: string,
  reason: DisabledReason,
  now: number,
): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `UPDATE webhook_endpoint SET disabled_at = ?2, disabled_reason = ?3
         WHERE id = ?1 AND disabled_at IS NULL`,
      )
      .bind(id, now, reason),
    buryPending(db, id, 'the endpoint was disabled'),
  ];
}

/** @returns the endpoint with its new secret, or null if it is gone */
export async function rotateSecret(
  db: D1Database,
  id: string,
  previousUntil: number,
): Promise<WebhookEndpoint | null> {
  const row = await db
    .prepare(
      `UPDATE webhook_endpoint SET previous_secret = secret, previous_until = ?, secret = ?
       WHERE id = ? RETURNING *`,
    )
    .bind(previousUntil, newSecret(), id)
    .first<EndpointRow>();
  return row === null ? null : toEndpoint(row);
}

/** What it still had to get becomes dead letters; the log stays. */
export async function deleteEndpoint(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('DELETE FROM webhook_endpoint WHERE id = ?').bind(id),
    buryPending(db, id, 'the endpoint was deleted'),
  ]);
}

function buryPending(db: D1Database, id: string, why: string): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE webhook_delivery SET status = 'dead', next_attempt_at = NULL,
       last_result = ?2 || coalesce(', last result: ' || last_result, '')
       WHERE endpoint = ?1 AND status = 'pending'`,
    )
    .bind(id, why);
}

function toEndpoint(row: EndpointRow): WebhookEndpoint {
  const { id, account, url, description, secret } = row;
  return {
    id,
    account,
    url,
    description,
    secret,
    events: JSON.parse(row.events),
    previousSecret: row.previous_secret,
    previousUntil: row.previous_until,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
    disabledReason: row.disabled_reason as DisabledReason | null,
    failingSince: row.failing_since,
  };
}
