/** The local D1: its schema, and the key that a laptop works with. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';
import { createAccount, findAccount } from '../../store/accounts.ts';
import { createKey, findKeyByToken, newToken } from '../../store/keys.ts';
import { SCOPES } from '../../store/scopes.ts';
import { projectRoot } from './project.ts';

const MIGRATIONS = join(projectRoot, 'migrations');
const DEVELOPMENT_ACCOUNT = 'acc_development';

/**
 * Brings the database to the newest schema. Keeps its record in wrangler's own table, so that
 * `wrangler d1 migrations` understands it.
 */
export async function migrateDatabase(db: D1Database): Promise<void> {
  await db
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    )
    .run();
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  const files = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort();
  for (const name of files.filter((file) => !applied.has(file))) {
    const statements = statementsOf(await readFile(join(MIGRATIONS, name), 'utf8'));
    const record = db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    // One transaction: half a migration must not be taken for a whole one.
    await db.batch([...statements.map((sql) => db.prepare(sql)), record]);
  }
}

/**
 * A key that may do everything in an account of its own: `token`, but one that was revoked or rotated away is not brought
 * back.
 *
 * @returns the text of the key that works
 */
export async function ensureDevelopmentKey(db: D1Database, token: string): Promise<string> {
  const now = Date.now();
  if ((await findKeyByToken(db, token, now)) !== null) return token;
  const isFirst = (await findAccount(db, DEVELOPMENT_ACCOUNT)) === null;
  await createAccount(db, { id: DEVELOPMENT_ACCOUNT, name: 'development' }, now);
  const made = await createKey(
    db,
    { account: DEVELOPMENT_ACCOUNT, name: 'npm start', scopes: [...SCOPES], expiresAt: null },
    now,
    isFirst ? token : newToken(),
  );
  return made.token;
}

/** Migrations hold no semicolon but at the end of a statement. */
function statementsOf(sql: string): string[] {
  const uncommented = sql.replaceAll(/--.*$/gm, '');
  return uncommented
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
