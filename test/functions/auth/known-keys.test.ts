import { expect, it } from 'vitest';
import { KnownKeys } from '../../../src/functions/auth/known-keys.ts';
import type { ApiKey } from '../../../src/store/keys.ts';

const KEY: ApiKey = {
  id: 'key_1',
  account: 'acc_1',
  name: 'a key',
  scopes: ['samples:read'],
  hint: 'abcd',
  createdAt: 0,
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
  previousUntil: null,
};
const NOW = 1_000_000;

async function knowing(key: ApiKey): Promise<KnownKeys> {
  const keys = new KnownKeys();
  expect(keys.find('hash', NOW)).toBeNull();
  expect(await keys.lookUp('hash', NOW, async () => key)).toBe(key);
  return keys;
}

it('takes a key for what it was for five seconds', async () => {
  const keys = await knowing(KEY);
  expect(keys.find('hash', NOW + 4_999)).toBe(KEY);
  expect(keys.find('hash', NOW + 5_000)).toBeNull();
  expect(keys.find('another', NOW)).toBeNull();
});

it('takes it no longer than it lives, or than its text before the rotation does', async () => {
  for (const ending of [{ expiresAt: NOW + 100 }, { previousUntil: NOW + 100 }]) {
    const keys = await knowing({ ...KEY, ...ending });
    expect(keys.find('hash', NOW + 99)).not.toBeNull();
    expect(keys.find('hash', NOW + 100)).toBeNull();
  }
  expect((await knowing({ ...KEY, previousUntil: NOW - 100 })).find('hash', NOW + 4_999)).not.toBeNull();
});

it('remembers nothing of a text that opens nothing', async () => {
  const keys = new KnownKeys();
  expect(await keys.lookUp('hash', NOW, async () => null)).toBeNull();
  expect(keys.find('hash', NOW)).toBeNull();
});

it('forgets a key that has changed, and an answer that was on its way when it did', async () => {
  const keys = await knowing(KEY);
  keys.forget('key_2');
  expect(keys.find('hash', NOW)).toBe(KEY);
  keys.forget('key_1');
  expect(keys.find('hash', NOW)).toBeNull();
  const late = Promise.withResolvers<ApiKey>();
  const asked = keys.lookUp('hash', NOW, () => late.promise);
  keys.forget('key_1');
  late.resolve(KEY);
  expect(await asked).toBe(KEY);
  expect(keys.find('hash', NOW)).toBeNull();
});

it('keeps in mind that it was noted when the key was used, so that it is not noted at every request', async () => {
  const keys = await knowing(KEY);
  keys.markUsed('hash', NOW + 7);
  expect(keys.find('hash', NOW + 10)?.lastUsedAt).toBe(NOW + 7);
});

it('stays small, whoever asks', async () => {
  const keys = await knowing(KEY);
  for (let i = 0; i < 1_000; i++)
    await keys.lookUp(`hash ${i}`, NOW, async () => ({ ...KEY, id: `key_${i}` }));
  expect(keys.find('hash', NOW)).toBeNull();
  expect(keys.find('hash 999', NOW)).not.toBeNull();
});
