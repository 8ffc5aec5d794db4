import { afterEach, expect, test } from 'vitest';
import { BusyError, DeadlineError } from '../../src/server/batching/errors.ts';
import { EngineError } from '../../src/server/engine/engine-error.ts';
import type { Listener } from '../../src/server/http/listener.ts';
import type { RunOptions } from '../../src/server/model-runner.ts';
import { serveDouble } from './serve-double.ts';

let listener: Listener | undefined;
afterEach(() => listener?.close(0));

async function serve(...args: Parameters<typeof serveDouble>) {
  const double = await serveDouble(...args);
  ({ listener } = double);
  return double;
}

const fails = (error: Error) => () => Promise.reject(error);

test.each<[string, Error, number, string | null, string]>([
  ['a full queue', new BusyError('8 images wait', 3), 503, '3', '8 images wait'],
  ['a deadline that passed', new DeadlineError('too late'), 504, null, 'too late'],
  ['an engine that died', new EngineError('killed'), 503, '1', 'the engine failed'],
])('%s has its own status, and says when to come again if that helps', async (_, error, ...expected) => {
  const { post } = await serve(fails(error));
  const response = await post();
  const { error: message } = (await response.json()) as { error: string };
  expect([response.status, response.headers.get('retry-after'), message]).toEqual(expected);
});

test('before it is ready the server lives, is not ready, and refuses inference with 503', async () => {
  const { url, post } = await serve(fails(new Error('never reached')), { ready: false });
  expect((await fetch(`${url}/v2/health/live`)).status).toBe(200);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(503);
  expect((await fetch(`${url}/v2/models/m/ready`)).status).toBe(503);
  const response = await post();
  expect([response.status, response.headers.get('retry-after'), response.headers.get('connection')]).toEqual([
    ...[503, '1', 'close'],
  ]);
});

test('an unexpected error is 500, logged, and tells nothing of the inside', async () => {
  const { post, entries } = await serve(fails(new Error('/home/secret/path')));
  const response = await post();
  expect([response.status, await response.json()]).toEqual([500, { error: 'internal error' }]);
  const logged = entries.find(({ message }) => message === 'internal error');
  expect(logged).toMatchObject({ level: 'error', error: { message: '/home/secret/path' } });
});

test("a request's schedule reaches the runner", async () => {
  let seen: RunOptions['schedule'] | undefined;
  const { post } = await serve(async ({ schedule }) => {
    seen = schedule;
    return 1;
  });
  const before = performance.now();
  await post({ priority: 7, timeout: 5_000_000, owner: 'job-1', exact: true });
  expect(seen).toEqual({ priority: 7, deadline: expect.any(Number), owner: 'job-1', exact: true });
  expect(seen!.deadline! - before - 5000).toBeGreaterThanOrEqual(0);
  expect(seen!.deadline! - performance.now() - 5000).toBeLessThanOrEqual(0);
  await post();
  expect(seen).toEqual({ priority: 100, deadline: null, owner: '', exact: false });
});

test('a request leaves one line in the log, with what it was and how it went', async () => {
  const { post, entries } = await serve(async ({ onRun }) => {
    onRun?.({ waitMs: 1.5, runMs: 20.25, batchSize: 8 });
    return 1;
  });
  await post({ job: 'job-1' });
  await expect.poll(() => entries.length).toBe(1);
  expect(entries[0]).toEqual({
    ...{ level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), message: 'POST /v2/models/m/infer' },
    ...{ status: 200, ms: expect.any(Number), model: 'm', id: 'mine', owner: 'job-1', items: 1 },
    ...{ wait_ms: 1.5, run_ms: 20.25, batch: 8, bytes_in: 107, bytes_out: expect.any(Number) },
    client: '127.0.0.1',
  });
});

test('a failure leaves its reason in the log and in the metrics', async () => {
  const { post, entries, metrics } = await serve(fails(new BusyError('8 images wait', 3)));
  await post();
  await expect.poll(() => entries.length).toBe(1);
  expect(entries[0]).toMatchObject({
    level: 'warn',
    status: 503,
    reason: 'busy',
    error_message: '8 images wait',
  });
  const text = await metrics.text();
  expect(text).toContain('cairn_requests_total{model="m",status="503"} 1');
  expect(text).toContain('cairn_errors_total{model="m",reason="busy"} 1');
});

test('what asks whether the server is ready is no warning when it is not', async () => {
  const { url, post, entries } = await serve(fails(new Error('never reached')), { ready: false });
  await fetch(`${url}/v2/health/ready`);
  await fetch(`${url}/v2/models/m/ready`);
  await post();
  await expect.poll(() => entries.length).toBe(3);
  expect(entries.map(({ level, message }) => [level, message])).toEqual([
    ['debug', 'GET /v2/health/ready'],
    ['debug', 'GET /v2/models/m/ready'],
    ['warn', 'POST /v2/models/m/infer'],
  ]);
});

test('a request to no model of ours is counted under none: clients do not make labels', async () => {
  const { url, metrics } = await serve(async () => 1);
  await fetch(`${url}/v2/models/made-up/infer`, { method: 'POST', body: '{}' });
  await expect.poll(() => metrics.text()).toContain('cairn_errors_total{model="",reason="not_found"} 1');
  expect(await metrics.text()).not.toContain('made-up');
});

test('with tokens everything but health needs one of them', async () => {
  const { url, post } = await serve(async () => 1, { tokens: ['old', 'new'] });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  for (const token of ['old', 'new']) expect((await post({}, bearer(token))).status).toBe(200);
  const wrong = [{}, bearer('newer'), bearer(''), { authorization: 'Basic b2xkOm5ldw==' }];
  for (const headers of wrong as Record<string, string>[]) {
    const response = await post({}, headers);
    expect(await response.json()).toEqual({ error: expect.stringContaining('Authorization: Bearer') });
    expect([400, 401]).toContain(response.status);
  }
  for (const path of ['/v2', '/v2/models/m', '/v2/models/m/ready', '/metrics', '/no/where']) {
    expect((await fetch(url + path)).status).toBe(401);
    if (path !== '/no/where') {
      expect((await fetch(url + path, { headers: bearer('new') })).status).toBe(200);
    }
  }
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
});

test('metrics can be left open where the rest is not', async () => {
  const { url } = await serve(async () => 1, { tokens: ['secret'], openMetrics: true });
  const response = await fetch(`${url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    ...[200, expect.stringMatching(/^text\/plain/)],
  ]);
  expect(await response.text()).toContain('cairn_model_info{model="m",digest="sha256:d"} 1');
  expect((await fetch(`${url}/v2`)).status).toBe(401);
});
