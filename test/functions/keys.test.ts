import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import type { AccountResponse, KeyResponse, NewKeyResponse } from '../../src/functions/schemas/account.ts';
import { ACCOUNT, ADMIN_TOKEN, API_KEY, call, callBare, createSample, problemOf } from '../support/api.ts';

function as(token: string, path: string, init: { method?: string; body?: unknown } = {}): Promise<Response> {
  const { method = init.body === undefined ? 'GET' : 'POST', body } = init;
  return callBare(path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function made<T>(response: Promise<Response>, status = 201): Promise<T> {
  const answer = await response;
  if (answer.status !== status) throw new Error(`${answer.status}: ${await answer.text()}`);
  return answer.json();
}

function newKey(body: object, token = API_KEY): Promise<NewKeyResponse> {
  return made(as(token, '/v1/keys', { body: { name: 'a key', ...body } }));
}

async function newAccount(name: string): Promise<{ account: string; token: string }> {
  const { id } = await made<AccountResponse>(as(ADMIN_TOKEN, '/v1/accounts', { body: { name } }));
  const { key } = await newKey({ account: id }, ADMIN_TOKEN);
  return { account: id, token: key };
}

test('without a key, or with one that is none, the API answers 401 and says how to come', async () => {
  for (const headers of [{}, { Authorization: 'Bearer cairn_nothing' }, { Authorization: 'Basic abc' }]) {
    const response = await callBare('/v1/models', { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
    expect((await problemOf(response)).type).toBe('/problems/unauthorized');
  }
  expect((await callBare('/health')).status).toBe(200);
});

test('a key is shown once, and the database keeps no more than its hash', async () => {
  const { key, id, hint } = await newKey({});
  expect(key).toMatch(/^cairn_[0-9a-z]{52}$/);
  expect(hint).toBe(key.slice(-4));
  const { keys } = await made<{ keys: KeyResponse[] }>(call('/v1/keys'), 200);
  expect(keys.find((listed) => listed.id === id)).not.toHaveProperty('key');
  const stored = await env.DB.prepare('SELECT * FROM api_key WHERE id = ?').bind(id).first();
  expect(JSON.stringify(stored)).not.toContain(key);
});

test('a key does what its scopes say and grants no more than it has', async () => {
  const reader = await newKey({ scopes: ['samples:read', 'keys:write'] });
  expect((await as(reader.key, '/v1/models')).status).toBe(200);
  const refused = await as(reader.key, '/v1/samples', { body: { model: 'mnist-32', class: 3 } });
  expect(refused.status).toBe(403);
  expect((await problemOf(refused)).detail).toContain('samples:write');
  const wish = { name: 'more', scopes: ['samples:write'] };
  expect((await as(reader.key, '/v1/keys', { body: wish })).status).toBe(403);
  expect((await newKey({}, reader.key)).scopes).toEqual(['samples:read']);
});

test('an unknown scope is refused by name', async () => {
  const response = await as(API_KEY, '/v1/keys', { body: { name: 'typo', scopes: ['sample:read'] } });
  expect(response.status).toBe(422);
  expect((await problemOf(response)).errors?.[0]?.pointer).toBe('/scopes/0');
});

test('a key that expired, and one that was revoked, open nothing', async () => {
  const soon = new Date(Date.now() + 400).toISOString();
  const expiring = await newKey({ expires_at: soon });
  expect((await as(expiring.key, '/v1/models')).status).toBe(200);
  await scheduler.wait(450);
  expect((await as(expiring.key, '/v1/models')).status).toBe(401);

  const revoked = await newKey({});
  const answer = await made<KeyResponse>(as(API_KEY, `/v1/keys/${revoked.id}`, { method: 'DELETE' }), 200);
  expect(answer.revoked_at).not.toBeNull();
  expect((await as(revoked.key, '/v1/models')).status).toBe(401);
});

test('a key that was revoked elsewhere reads for a moment longer and changes nothing', async () => {
  const { key, id } = await newKey({});
  expect((await as(key, '/v1/models')).status).toBe(200);
  await env.DB.prepare('UPDATE api_key SET revoked_at = 1 WHERE id = ?').bind(id).run();
  expect((await as(key, '/v1/models')).status).toBe(200);
  expect((await as(key, '/v1/samples', { body: { model: 'mnist-32', class: 3 } })).status).toBe(401);
});

test('after a rotation both keys work for the grace, and without one the old ends at once', async () => {
  const first = await newKey({});
  const rotate = (grace_seconds: number) =>
    made<NewKeyResponse>(as(API_KEY, `/v1/keys/${first.id}/rotate`, { body: { grace_seconds } }), 200);
  const second = await rotate(60);
  expect((await as(first.key, '/v1/models')).status).toBe(200);
  expect((await as(second.key, '/v1/models')).status).toBe(200);
  const third = await rotate(0);
  expect((await as(second.key, '/v1/models')).status).toBe(401);
  expect((await as(first.key, '/v1/models')).status).toBe(401);
  expect((await as(third.key, '/v1/models')).status).toBe(200);
});

test('what one account made does not exist for another', async () => {
  const other = await newAccount('other');
  const sample = await createSample();
  const paths = ['', '/grid.png', '/images/0.png', '/images/0.npy'];
  for (const path of paths) {
    const response = await as(other.token, `/v1/samples/${sample.id}${path}`);
    expect(response.status).toBe(404);
    expect((await problemOf(response)).type).toBe('/problems/unknown-sample');
  }
  expect((await as(other.token, `/v1/samples/${sample.id}/cancel`, { method: 'POST' })).status).toBe(404);
  const { keys } = await made<{ keys: KeyResponse[] }>(call('/v1/keys'), 200);
  expect((await as(other.token, `/v1/keys/${keys[0]!.id}`, { method: 'DELETE' })).status).toBe(403);
});

test("only an admin makes accounts, and keys for another's", async () => {
  const other = await newAccount('third');
  expect((await as(API_KEY, '/v1/accounts', { body: { name: 'mine' } })).status).toBe(403);
  const wish = { name: 'into another', account: other.account };
  expect((await as(API_KEY, '/v1/keys', { body: wish })).status).toBe(403);
  const nowhere = { name: 'x', account: 'acc_nobody' };
  expect((await as(ADMIN_TOKEN, '/v1/keys', { body: nowhere })).status).toBe(404);
  expect((await as(ADMIN_TOKEN, '/v1/keys', { body: { name: 'x' } })).status).toBe(422);
  const sample = await as(ADMIN_TOKEN, '/v1/samples', { body: { model: 'mnist-32', class: 1 } });
  expect(sample.status).toBe(403);
});

test('a key shows when it was last used', async () => {
  const { key, id } = await newKey({});
  await (await as(key, '/v1/models')).text();
  await expect
    .poll(async () =>
      (await made<{ keys: KeyResponse[] }>(call('/v1/keys'), 200)).keys.find((k) => k.id === id),
    )
    .toMatchObject({ account: ACCOUNT, last_used_at: expect.any(String) });
});
