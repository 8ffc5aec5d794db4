import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { WebhookEndpointResponse, WebhookTestResponse } from '../../src/functions/schemas/webhooks.ts';
import { newTestAccount, type TestAccount } from '../support/accounts.ts';
import { hookUrl, problemOf, received, SMALL_JOB } from '../support/api.ts';
import { attemptNow, newEndpoint, takenBy, verify, waitForDeliveries } from '../support/webhooks.ts';

const JOB = { ...SMALL_JOB, steps: 2, keep_state: false };
const BASE = '/v1/webhook-endpoints';

async function endpointOf(account: TestAccount, id: string): Promise<WebhookEndpointResponse> {
  const response = await account.call(`${BASE}/${id}`);
  expect(response.status).toBe(200);
  return response.json();
}

/** Makes a sample, and waits until the log says what became of its webhooks. */
async function settled(account: TestAccount, status: string, count = 1): Promise<string> {
  const { id } = await account.create(JOB);
  await waitForDeliveries(account, `?sample=${id}&status=${status}`, (found) => found.length === count);
  return id;
}

describe('webhook endpoints', () => {
  it('show their secret once, when they are made', async () => {
    const account = await newTestAccount();
    const made = await newEndpoint(account, 'once');
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(made.events).toEqual(['sample.succeeded', 'sample.failed', 'sample.canceled']);
    const { secret, ...shown } = made;
    expect(await endpointOf(account, made.id)).toEqual(shown);
    const list = await (await account.call(BASE)).text();
    expect(JSON.parse(list)).toEqual({ data: [shown] });
    expect(list).not.toContain(secret);
  });

  it('are changed and deleted', async () => {
    const account = await newTestAccount();
    const { id } = await newEndpoint(account, 'before');
    const change = { url: hookUrl('after'), events: ['sample.started'], description: 'moved' };
    const patched = await account.call(`${BASE}/${id}`, { method: 'PATCH', body: change });
    expect(await patched.json()).toMatchObject(change);
    expect(await endpointOf(account, id)).toMatchObject(change);
    expect((await account.call(`${BASE}/${id}`, { method: 'DELETE' })).status).toBe(204);
    const gone = await account.call(`${BASE}/${id}`);
    expect(gone.status).toBe(404);
    expect((await problemOf(gone)).type).toBe('/problems/unknown-webhook-endpoint');
  });

  it('are refused where nothing would be sent, and say which field it was', async () => {
    const account = await newTestAccount();
    for (const [body, pointer] of [
      [{ url: 'ftp://example.com/' }, '/url'],
      [{ url: 'https://a:b@example.com/' }, '/url'],
      [{ url: 'https://example.com/', events: [] }, '/events'],
      [{ url: 'https://example.com/', events: ['sample.*'] }, '/events/0'],
      [{ url: 'https://example.com/', events: ['sample.failed', 'sample.failed'] }, '/events'],
      [{ url: 'https://example.com/', secret: 'x' }, '/secret'],
      [{}, '/url'],
    ] as const) {
      const response = await account.call(BASE, { body });
      expect(response.status).toBe(422);
      expect((await problemOf(response)).errors?.map((error) => error.pointer)).toEqual([pointer]);
    }
    const { id } = await newEndpoint(account, 'fine');
    const patched = await account.call(`${BASE}/${id}`, { method: 'PATCH', body: { url: 'file:///x' } });
    expect(patched.status).toBe(422);
  });

  it('are twenty at most', async () => {
    const account = await newTestAccount();
    const all = Array.from({ length: 21 }, (_, i) =>
      account.call(BASE, { body: { url: hookUrl(`many-${i}`) } }).then((response) => response.status),
    );
    expect((await Promise.all(all)).sort()).toEqual([...new Array(20).fill(201), 422]);
  });

  it('belong to one account', async () => {
    const owner = await newTestAccount();
    const other = await newTestAccount();
    const { id } = await newEndpoint(owner, 'owned');
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/test'],
    ] as const) {
      expect((await other.call(`${BASE}/${id}${path}`, { method })).status).toBe(404);
    }
    for (const [method, path, body] of [
      ['PATCH', '', { enabled: false }],
      ['POST', '/rotate-secret', {}],
    ] as const) {
      expect((await other.call(`${BASE}/${id}${path}`, { method, body })).status).toBe(404);
    }
    expect(await (await other.call(BASE)).json()).toEqual({ data: [] });
    await settled(owner, 'delivered');
    await other.create(JOB);
    expect((await (await other.call('/v1/webhook-deliveries')).json<{ data: [] }>()).data).toEqual([]);
  });
});

describe('an event', () => {
  it('goes to every endpoint that asks for it, and to the URL of the sample, under one id', async () => {
    const account = await newTestAccount();
    const one = await newEndpoint(account, 'fan-one');
    const two = await newEndpoint(account, 'fan-two', { events: ['sample.started', 'sample.succeeded'] });
    await newEndpoint(account, 'fan-none', { events: ['sample.failed', 'sample.canceled'] });
    const { id } = await account.create({ ...JOB, webhook: { url: hookUrl('fan-own') } });
    await waitForDeliveries(account, `?sample=${id}&status=delivered`, (found) => found.length === 4);
    const [toOne, toTwo, toOwn] = [
      await takenBy('fan-one', one.secret),
      await takenBy('fan-two', two.secret),
      await takenBy('fan-own', env.WEBHOOK_SECRET!),
    ];
    expect([...toOne.values()].map(({ type }) => type)).toEqual(['sample.succeeded']);
    expect([...toTwo.values()].map(({ type }) => type).sort()).toEqual([
      'sample.started',
      'sample.succeeded',
    ]);
    expect([...toOwn.keys()]).toEqual([...toOne.keys()]);
    expect([...toTwo.keys()]).toContain([...toOne.keys()][0]);
    expect(await received('fan-none')).toEqual([]);
  });

  it('tells of a pause and of going on', async () => {
    const account = await newTestAccount();
    const endpoint = await newEndpoint(account, 'steered', {
      events: ['sample.started', 'sample.paused', 'sample.resumed', 'sample.succeeded'],
    });
    const { id } = await account.create({ ...JOB, steps: 60 });
    for (const call of ['pause', 'pause', 'resume', 'resume']) {
      expect((await account.call(`/v1/samples/${id}/${call}`, { method: 'POST' })).status).toBe(200);
    }
    await waitForDeliveries(account, `?sample=${id}&event=sample.succeeded`, (found) => found.length === 1);
    await waitForDeliveries(account, `?sample=${id}&status=pending`, (found) => found.length === 0);
    const events = [...(await takenBy('steered', endpoint.secret)).values()];
    const types = events.map(({ type }) => type).sort();
    expect(types).toEqual(['sample.paused', 'sample.resumed', 'sample.started', 'sample.succeeded']);
    expect(events.find(({ type }) => type === 'sample.paused')!.data.status).toBe('paused');
  });
});

describe('rotating a secret', () => {
  it('signs with both for a while, then with the new one alone', async () => {
    const account = await newTestAccount();
    const { id, secret: old } = await newEndpoint(account, 'rotated');
    const rotated = await account.call(`${BASE}/${id}/rotate-secret`, { body: { grace_seconds: 3600 } });
    const { secret, previous_secret_until } = await rotated.json<{
      secret: string;
      previous_secret_until: string;
    }>();
    expect(secret).not.toBe(old);
    expect(Date.parse(previous_secret_until) - Date.now()).toBeGreaterThan(3_500_000);
    await settled(account, 'delivered');
    const [both] = await received('rotated');
    expect(both!.headers['webhook-signature']!.split(' ')).toHaveLength(2);
    expect(verify(both!, old)).toEqual(verify(both!, secret));

    await env.DB.prepare('UPDATE webhook_endpoint SET previous_until = ? WHERE id = ?')
      .bind(Date.now(), id)
      .run();
    await settled(account, 'delivered');
    const [, later] = await received('rotated');
    expect(verify(later!, secret).type).toBe('sample.succeeded');
    expect(() => verify(later!, old)).toThrow();
  });

  it('without grace ends the old one at once', async () => {
    const account = await newTestAccount();
    const { id, secret: old } = await newEndpoint(account, 'at-once');
    await account.call(`${BASE}/${id}/rotate-secret`, { body: { grace_seconds: 0 } });
    await settled(account, 'delivered');
    const [only] = await received('at-once');
    expect(() => verify(only!, old)).toThrow();
  });
});

describe('an endpoint is disabled', () => {
  it('by 410, and gets again what it asks for once it is enabled', async () => {
    const account = await newTestAccount();
    const { id, secret } = await newEndpoint(account, 'leaving', { query: '?status=410,204' });
    await settled(account, 'dead');
    expect((await endpointOf(account, id)).disabled).toMatchObject({ reason: 'gone' });
    const missed = await settled(account, 'dead'); // while it is disabled
    expect(await received('leaving')).toHaveLength(1);
    const refused = await account.call('/v1/webhook-deliveries/redeliver', {
      body: { since: '2020-01-01T00:00:00Z' },
    });
    expect(await refused.json()).toEqual({ redelivered: 0, more: false });

    await account.call(`${BASE}/${id}`, { method: 'PATCH', body: { enabled: true } });
    expect((await endpointOf(account, id)).disabled).toBeNull();
    const again = await account.call('/v1/webhook-deliveries/redeliver', {
      body: { since: '2020-01-01T00:00:00Z' },
    });
    expect(await again.json()).toEqual({ redelivered: 2, more: false });
    await waitForDeliveries(account, '?status=delivered', (found) => found.length === 2);
    const events = [...(await takenBy('leaving', secret)).values()];
    expect(events.map(({ data }) => data.id)).toContain(missed);
  });

  it('by its owner: nothing more is sent, pending deliveries are dead letters', async () => {
    const account = await newTestAccount();
    const { id } = await newEndpoint(account, 'switched-off', { query: '?status=500' });
    await account.create(JOB);
    await waitForDeliveries(account, '?status=pending', (found) => found[0]?.attempts === 1);
    await account.call(`${BASE}/${id}`, { method: 'PATCH', body: { enabled: false } });
    expect((await endpointOf(account, id)).disabled?.reason).toBe('by_user');
    const [dead] = await waitForDeliveries(account, '?status=dead', (found) => found.length === 1);
    expect(dead!.last_result).toBe('the endpoint was disabled, last result: HTTP 500');
    const refused = await account.call(`/v1/webhook-deliveries/${dead!.id}/redeliver`, { method: 'POST' });
    expect(refused.status).toBe(409);
    expect((await problemOf(refused)).type).toBe('/problems/endpoint-disabled');
  });

  it('by failing for five days, but not by one bad message', async () => {
    const account = await newTestAccount();
    const { id } = await newEndpoint(account, 'failing', { query: '?status=500' });
    await account.create(JOB);
    await waitForDeliveries(account, '', (found) => found[0]?.attempts === 1);
    while ((await attemptNow('account', account.id)) > 0);
    const fails = await endpointOf(account, id);
    expect(fails).toMatchObject({ disabled: null, failing_since: expect.any(String) });

    const fiveDaysAgo = Date.now() - 5 * 86_400_000;
    await env.DB.prepare('UPDATE webhook_endpoint SET failing_since = ? WHERE id = ?')
      .bind(fiveDaysAgo, id)
      .run();
    await account.create(JOB);
    await waitForDeliveries(account, '?status=pending', (found) => found[0]?.attempts === 1);
    expect((await endpointOf(account, id)).disabled).toBeNull(); // its schedule is not used up
    while ((await attemptNow('account', account.id)) > 0);
    expect((await endpointOf(account, id)).disabled?.reason).toBe('failing');
  });

  it('not by failures that one success ends', async () => {
    const account = await newTestAccount();
    const { id } = await newEndpoint(account, 'recovers', { query: '?status=500,204' });
    await account.create(JOB);
    await waitForDeliveries(account, '', (found) => found[0]?.attempts === 1);
    expect((await endpointOf(account, id)).failing_since).not.toBeNull();
    await attemptNow('account', account.id);
    expect((await endpointOf(account, id)).failing_since).toBeNull();
  });
});

describe('a test event', () => {
  it('is signed, and tells the class of the answer and no more', async () => {
    const account = await newTestAccount();
    for (const [name, query, result, delivered] of [
      ['test-ok', '', '2xx', true],
      ['test-moved', '?status=307', '3xx', false],
      ['test-gone', '?status=410', '4xx', false],
      ['test-error', '?status=502', '5xx', false],
    ] as const) {
      const { id, secret } = await newEndpoint(account, name, { query });
      const response = await account.call(`${BASE}/${id}/test`, { method: 'POST' });
      const body = await response.json<WebhookTestResponse>();
      expect(body).toEqual({ message_id: expect.stringMatching(/^msg_test_/), result, delivered });
      const [request] = await received(name);
      expect(verify(request!, secret)).toMatchObject({ type: 'webhook.test', data: { endpoint: id } });
      expect((await endpointOf(account, id)).disabled).toBeNull();
    }
    expect(await received('test-moved-redirected')).toEqual([]);
    const { id } = await newEndpoint(account, 'x');
    await env.DB.prepare("UPDATE webhook_endpoint SET url = 'http://127.0.0.1:1/' WHERE id = ?")
      .bind(id)
      .run();
    const closed = await (await account.call(`${BASE}/${id}/test`, { method: 'POST' })).json();
    expect(closed).toMatchObject({ result: 'no_answer' });
  });
});
