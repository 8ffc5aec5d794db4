/** Accounts in D1. */
import type { D1Database } from '@cloudflare/workers-types';
import { newId } from '../ids.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
  /** ms since the epoch. */
  readonly createdAt: number;
}

interface AccountRow {
  readonly id: string;
  readonly name: string;
  readonly created_at: number;
}

/** @param id a fixed name; by default a new one. An account that exists stays as it is. */
export async function createAccount(
  db: D1Database,
  { name, id = newId('acc') }: { readonly name: string; readonly id?: string },
  now: number,
): Promise<Account> {
  await db
    .prepare('INSERT OR IGNORE INTO account (id, name, created_at) VALUES (?, ?, ?)')
    .bind(id, name, now)
    .run();
  return { id, name, createdAt: now };
}

export async function findAccount(db: D1Database, id: string): Promise<Account | null> {
  const row = await db.prepare('SELECT * FROM account WHERE id = ?').bind(id).first<AccountRow>();
  return row === null ? null : toAccount(row);
}

/** Oldest first. */
export async function listAccounts(db: D1Database): Promise<Account[]> {
  const { results } = await db.prepare('SELECT * FROM account ORDER BY created_at, id').all<AccountRow>();
  return results.map(toAccount);
}

function toAccount({ id, name, created_at }: AccountRow): Account {
  return { id, name, createdAt: created_at };
}
