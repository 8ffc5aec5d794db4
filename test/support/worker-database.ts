/** Every test file of the Worker begins with a migrated database and one account. */
import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { createAccount } from '../../src/store/accounts.ts';
import { createKey, findKeyByToken } from '../../src/store/keys.ts';
import { SCOPES } from '../../src/store/scopes.ts';
import { ACCOUNT, API_KEY } from './api.ts';

await applyD1Migrations(env.DB, env.MIGRATIONS);
const now = Date.now();
if ((await findKeyByToken(env.DB, API_KEY, now)) === null) {
  await createAccount(env.DB, { id: ACCOUNT, name: 'tests' }, now);
  const scopes = SCOPES.filter((scope) => scope !== 'admin');
  await createKey(env.DB, { account: ACCOUNT, name: 'tests', scopes, expiresAt: null }, now, API_KEY);
}
