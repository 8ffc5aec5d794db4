import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CairnClient, CairnError } from '../../src/client/index.ts';
import { problem, type StandIn, startStandIn } from './stand-in.ts';

let api: StandIn;
let client: CairnClient;
beforeEach(async () => {
  api = await startStandIn();
  client = new CairnClient(api.url, { apiKey: 'cairn_secret' });
});
afterEach(() => api.close());

const sample = { id: 'smp_1', status: 'queued' };
const lines = () => api.asked.map(({ line }) => line);

describe('a call that may come twice is tried again', () => {
  test.each([408, 429, 500, 502, 503, 504])('after %i', async (status) => {
    api.answer({ status, body: 'busy' }, { body: sample });
    expect(await client.readSample('smp_1')).toEqual(sample);
    expect(lines()).toEqual(['GET /v1/samples/smp_1', 'GET /v1/samples/smp_1']);
  });

  test('after a connection that breaks', async () => {
    const broken = new CairnClient(api.url, {
      fetch: (() => {
        let calls = 0;
        return async (url, init) => {
          if (calls++ === 0) throw new TypeError('fetch failed');
          return fetch(url, init);
        };
      })(),
    });
    api.answer({ body: sample });
    expect(await broken.readSample('smp_1')).toEqual(sample);
  });

  test('no more often than it may be, and ends with the last answer', async () => {
    const once = new CairnClient(api.url, { retries: 1 });
    api.answer(problem('unavailable', 503), problem('unavailable', 503));
    await expect(once.readSample('smp_1')).rejects.toMatchObject({ status: 503, type: 'unavailable' });
    expect(api.asked).toHaveLength(2);
  });

  test('but not when another try can not help', async () => {
    api.answer(problem('unknown-sample', 404));
    await expect(client.readSample('smp_1')).rejects.toMatchObject({ type: 'unknown-sample' });
    expect(api.asked).toHaveLength(1);
  });
});

test('a create is one sample however often it is sent: every try has the same key', async () => {
  api.answer({ status: 502, body: '' }, { status: 202, body: sample }, { status: 202, body: sample });
  await client.createSample({ model: 'mnist-32', class: 3 });
  await client.createSample({ model: 'mnist-32', class: 3 });
  const keys = api.asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test('a create says how long it would wait, and the key that it was given', async () => {
  api.answer({ status: 202, body: sample });
  await client.createSample({ model: 'mnist-32' }, { wait: 30, idempotencyKey: 'order-7' });
  expect(api.asked[0]!.headers).toMatchObject({ prefer: 'wait=30', 'idempotency-key': 'order-7' });
});

test('a patch whose end is unknown is not sent again; one that was not taken is', async () => {
  api.answer({ status: 502, body: '' });
  await expect(client.patchSample('smp_1', { class: 3 })).rejects.toMatchObject({ status: 502 });
  api.answer(problem('rate-limited', 429), { body: sample });
  expect(await client.patchSample('smp_1', { class: 3 })).toEqual(sample);
  expect(api.asked).toHaveLength(3);
});

describe('Retry-After', () => {
  test('is waited for', async () => {
    api.answer(problem('rate-limited', 429, { 'Retry-After': '1' }), { body: sample });
    const started = performance.now();
    await client.readSample('smp_1');
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  test('of hours is for the caller to decide on', async () => {
    api.answer(problem('quota-exceeded', 429, { 'Retry-After': '36000' }));
    await expect(client.createSample({ model: 'mnist-32' })).rejects.toMatchObject({
      type: 'quota-exceeded',
      retryAfter: 36_000,
    });
    expect(api.asked).toHaveLength(1);
  });
});

test('a signal ends the wait for another try', async () => {
  api.answer(problem('rate-limited', 429, { 'Retry-After': '30' }));
  const signal = AbortSignal.timeout(50);
  await expect(client.readSample('smp_1', { signal })).rejects.toThrow(
    expect.objectContaining({ name: 'TimeoutError' }),
  );
});

test('an error has the kind of problem, and the request to name', async () => {
  api.answer(problem('forbidden', 403, { 'X-Request-Id': 'req-1' }));
  const error = await client.readSample('smp_1').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CairnError);
  expect(error).toMatchObject({ type: 'forbidden', requestId: 'req-1', message: 'it is forbidden' });
});

test('pages are asked for as they are needed', async () => {
  api.answer(
    { body: { data: [{ id: 'smp_3' }, { id: 'smp_2' }], next_cursor: 'c1' } },
    { body: { data: [{ id: 'smp_1' }], next_cursor: null } },
  );
  const ids: string[] = [];
  for await (const { id } of client.samples({ status: ['queued', 'running'], limit: 2 })) ids.push(id);
  expect(ids).toEqual(['smp_3', 'smp_2', 'smp_1']);
  expect(lines()).toEqual([
    'GET /v1/samples?status=queued%2Crunning&limit=2',
    'GET /v1/samples?status=queued%2Crunning&limit=2&cursor=c1',
  ]);
});
