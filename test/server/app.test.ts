import { expect, test, vi } from 'vitest';
import { createApp, type ServerState } from '../../src/server/app.ts';
import type { ModelRunner } from '../../src/server/model-runner.ts';
import { BusyError } from '../../src/server/run-gate.ts';

/** A server with one model that answers every inference with what is thrown. */
function appThatThrows(error: Error, ready = true) {
  const x = { name: 'x', datatype: 'FP32' as const, shape: [-1] };
  const runner: ModelRunner = {
    signature: { name: 'm', digest: 'sha256:0+none', inputs: [x], outputs: [x], maxBatchSize: 1 },
    infer: () => Promise.reject(error),
  };
  const state: ServerState = { ready, models: new Map([['m', runner]]) };
  return createApp({ state, token: undefined, maxBodyBytes: 1000 });
}

function post(app: ReturnType<typeof createApp>) {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] });
  return app.request('/v2/models/m/infer', { method: 'POST', body });
}

test('a full queue is 503 with Retry-After', async () => {
  const response = await post(appThatThrows(new BusyError('8 runs wait already')));
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toEqual({ error: '8 runs wait already' });
});

test('before it is ready the server lives, is not ready, and refuses inference with 503', async () => {
  const app = appThatThrows(new Error('never reached'), false);
  expect((await app.request('/v2/health/live')).status).toBe(200);
  expect((await app.request('/v2/health/ready')).status).toBe(503);
  expect((await app.request('/v2/models/m/ready')).status).toBe(503);
  const response = await post(app);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
});

test('an unexpected error is 500, logged, and tells nothing of the inside', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  const response = await post(appThatThrows(new Error('/home/secret/path')));
  expect([response.status, await response.json()]).toEqual([500, { error: 'internal error' }]);
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});
