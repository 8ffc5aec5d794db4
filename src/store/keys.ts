/** API keys in D1: stored as hashes, so that a copy of the database opens nothing. */
import type { D1Database } from '@cloudflare/workers-types';
import { newId, randomText } from '../ids.ts';
import type { Scope } from './scopes.ts';

export interface ApiKey {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Its last four characters. */
  readonly hint: string;
  /** ms since the epoch, as are the others. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUsedAt: number | null;
  /** Until when the key before the last rotation still works. */
  readonly previousUntil: number | null;
}

export interface NewKey {
  readonly account: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number | null;
}

interface KeyRow {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly scopes: string;
  readonly hint: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  readonly last_used_at: number | null;
  readonly previous_until: number | null;
}

const PREFIX = 'cairn_';
const RANDOM_CHARACTERS = 52;

/** A key's text, shown once to whoever asked for it. */
export function newToken(): string {
  return PREFIX + randomText(RANDOM_CHARACTERS);
}

/**
 * @param token the key's text; by default a new one
 * @returns the key, and its text for the only time
 */
export async function createKey(
  db: D1Database,
  key: NewKey,
  now: number,
  token = newToken(),
): Promise<{ readonly key: ApiKey; readonly token: string }> {
  const id = newId('key');
  await db
    .prepare(
      `INSERT INTO api_key (id, account, name, scopes, hash, hint, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .bind(
      id,
      key.account,
      key.name,
      JSON.stringify(key.scopes),
      await hashOf(token),
      hintOf(token),
      now,
      key.expiresAt,
    )
    .run();
  const created: ApiKey = {
    ...key,
    id,
    hint: hintOf(token),
    createdAt: now,
    revokedAt: null,
    lastUsedAt: null,
    previousUntil: null,
  };
  return { key: created, token };
}

/** The key that this text opens now: not revoked, not expired, not replaced. */
export async function findKeyByToken(db: D1Database, token: string, now: number): Promise<ApiKey | null> {
  return findKeyByHash(db, await hashOf(token), now);
}

/** The same for the text's {@link hashOf}. */
export async function findKeyByHash(db: D1Database, hash: string, now: number): Promise<ApiKey | null> {
  const row = await db
    .prepare(
      `SELECT * FROM api_key
       WHERE (hash = ?1 OR (previous_hash = ?1 AND previous_until > ?2))
         AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)`,
    )
    .bind(hash, now)
    .first<KeyRow>();
  return row === null ? null : toKey(row);
}

/** @param account null finds it in every account */
export async function findKey(db: D1Database, account: string | null, id: string): Promise<ApiKey | null> {
  const row = await db
    .prepare('SELECT * FROM api_key WHERE id = ?1 AND (?2 IS NULL OR account = ?2)')
    .bind(id, account)
    .first<KeyRow>();
  return row === null ? null : toKey(row);
}

/** Oldest first, revoked ones too. */
export async function listKeys(db: D1Database, account: string): Promise<ApiKey[]> {
  const { results } = await db
    .prepare('SELECT * FROM api_key WHERE account = ? ORDER BY created_at, id')
    .bind(account)
    .all<KeyRow>();
  return results.map(toKey);
}

/**
 * Gives the key a new text; the old one goes on working until `previousUntil`, so that callers can change over.
 *
 * @returns the new text, or null if the key was revoked in the meantime
 */
export async function rotateKey(db: D1Database, id: string, previousUntil: number): Promise<string | null> {
  const token = newToken();
  const { meta } = await db
    .prepare(
      `UPDATE api_key SET previous_hash = hash, previous_until = ?, hash = ?, hint = ?
       WHERE id = ? AND revoked_at IS NULL`,
    )
    .bind(previousUntil, await hashOf(token), hintOf(token), id)
    .run();
  return meta.changes === 0 ? null : token;
}

/** For ever, the text before the last rotation too. Idempotent. */
export async function revokeKey(db: D1Database, id: string, now: number): Promise<void> {
  await db
    .prepare('UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?')
    .bind(now, id)
    .run();
}

export async function markKeyUsed(db: D1Database, id: string, now: number): Promise<void> {
  await db.prepare('UPDATE api_key SET last_used_at = ? WHERE id = ?').bind(now, id).run();
}

function toKey(row: KeyRow): ApiKey {
  const { id, account, name, hint } = row;
  return {
    id,
    account,
    name,
    hint,
    scopes: JSON.parse(row.scopes),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
    previousUntil: row.previous_until,
  };
}

function hintOf(token: string): string {
  return token.slice(-4);
}

/** SHA-256 in hexadecimal digits. */
export async function hashOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
