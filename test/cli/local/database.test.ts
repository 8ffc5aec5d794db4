import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureDevelopmentKey, migrateDatabase } from '../../../src/cli/local/database.ts';
import { findKeyByToken, revokeKey, rotateKey } from '../../../src/store/keys.ts';

let miniflare: Miniflare;
beforeEach(() => {
  miniflare = new Miniflare(
    convertV4MiniflareOptions({ modules: true, script: 'export default {}', d1Databases: ['DB'], cf: false }),
  );
});
afterEach(() => miniflare.dispose());

test('applies every migration once, as wrangler would record it', async () => {
  const db = await miniflare.getD1Database('DB');
  await migrateDatabase(db);
  await migrateDatabase(db);
  const { results } = await db
    .prepare('SELECT name FROM d1_migrations ORDER BY name')
    .all<{ name: string }>();
  expect(results[0]?.name).toBe('0001_accounts_and_keys.sql');
  expect(new Set(results.map(({ name }) => name)).size).toBe(results.length);
});

test('the development key opens one account, however often the laptop starts', async () => {
  const db = await miniflare.getD1Database('DB');
  await migrateDatabase(db);
  await ensureDevelopmentKey(db, 'cairn_laptop');
  await ensureDevelopmentKey(db, 'cairn_laptop');
  expect(await findKeyByToken(db, 'cairn_laptop', Date.now())).toMatchObject({ account: 'acc_development' });
  const count = await db.prepare('SELECT count(*) AS keys FROM api_key').first<{ keys: number }>();
  expect(count?.keys).toBe(1);
});

test('another key takes the place of one that was revoked or rotated away, which stays closed', async () => {
  const db = await miniflare.getD1Database('DB');
  await migrateDatabase(db);
  const keyOf = (token: string) => findKeyByToken(db, token, Date.now());
  expect(await ensureDevelopmentKey(db, 'cairn_laptop')).toBe('cairn_laptop');
  await revokeKey(db, (await keyOf('cairn_laptop'))!.id, Date.now());
  const second = await ensureDevelopmentKey(db, 'cairn_laptop');
  await rotateKey(db, (await keyOf(second))!.id, Date.now());
  const third = await ensureDevelopmentKey(db, second);
  expect(await keyOf('cairn_laptop')).toBeNull();
  expect(await keyOf(second)).toBeNull();
  expect(await keyOf(third)).toMatchObject({ account: 'acc_development' });
});
