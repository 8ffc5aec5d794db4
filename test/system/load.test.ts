/** The short form of `npm run bench -- --only load`: what it finds, not how fast. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runLoad } from '../../src/bench/load/run-load.ts';
import { startChild } from '../../src/bench/processes/child.ts';
import { type LocalRuntime, startLocalRuntime } from '../../src/cli/local/runtime.ts';

let runtime: LocalRuntime | undefined;
let data: string;
afterEach(async () => {
  await runtime?.stop();
  await rm(data, { recursive: true, force: true });
});

test('every job ends and every webhook arrives, while readers stall and receivers fail', async () => {
  data = await mkdtemp(join(tmpdir(), 'cairn-load-'));
  await using backend = await startChild('instant-backend.ts');
  await using receiver = await startChild('webhook-receiver.ts');
  const variables = {
    INFERENCE_BACKEND: 'remote',
    INFERENCE_URL: `${backend.ready as string}/after/20`,
    QUOTA_RUNNING_JOBS: '8',
    WEBHOOK_RETRY_SECONDS: Array(15).fill('1').join(','),
  };
  runtime = await startLocalRuntime({ data, port: 0, variables });
  const result = await runLoad(
    { url: runtime.url, apiKey: runtime.apiKey, receiver, floorPath: '/health' },
    { jobs: 24, steps: 3, arrivals: 12, pollEveryMs: 300, readEvery: 4, cancelEvery: 8 },
  );
  expect(result.problems).toEqual([]);
  expect((result.ends.succeeded ?? 0) + (result.ends.canceled ?? 0)).toBe(24);
  expect(result.readers).toEqual({ reading: 6, stalled: 6 });
  expect(result.webhooks.spoiled).toBeGreaterThan(0);
  expect(result.webhooks.attempts - result.webhooks.spoiled).toBeGreaterThanOrEqual(result.webhooks.expected);
});
