import { expect, test } from 'vitest';
import { Reading } from '../../../src/cli/top/reading.ts';
import { renderSummary } from '../../../src/cli/top/render.ts';
import { foldersOf, summarize } from '../../../src/cli/top/summary.ts';
import { ServerMetrics } from '../../../src/server/metrics/metrics.ts';

/** The server's own metrics, so that names and labels are those it really has. */
function metrics() {
  return new ServerMetrics({
    connections: () => 7,
    bytesInFlight: () => 3 * 1024 * 1024,
    requestsInFlight: () => 2,
    ready: () => true,
    models: () => ['m', 'm-guided', 'other'].map((name) => ({ name, digest: 'd' })),
    engines: async () => [{ model: 'm', bytes: 90 * 1024 * 1024 }],
  });
}

const request = { status: 200, seconds: 0.1, bytesIn: 10, bytesOut: 10 };
const run = { model: 'm', requests: 2, exact: false, failed: false };

test('what happened between two readings is told by model, its three names together', async () => {
  const server = metrics();
  server.requestEnded({ ...request, model: 'm' });
  server.batchRan({ ...run, guided: 50, unguided: 50, waitMs: [5000], runMs: 9000 });
  const before = new Reading(await server.text());
  for (let i = 0; i < 4; i++) server.requestEnded({ ...request, model: i < 1 ? 'm' : 'm-guided' });
  server.requestEnded({ ...request, model: 'm', status: 503, reason: 'busy' });
  server.batchRan({ ...run, guided: 1, unguided: 3, waitMs: [1.5, 1.5], runMs: 20 });
  server.batchRan({ ...run, guided: 0, unguided: 2, waitMs: [1.5, 1.5], runMs: 20 });
  server.queueChanged('m', 9);
  const now = new Reading(await server.text());

  const { models, ...rest } = summarize(before, now, 2);
  expect(rest).toMatchObject({
    ready: true,
    connections: 7,
    requestsInFlight: 2,
    bodyBytes: 3 * 1024 * 1024,
  });
  const [m, other] = models;
  expect(m).toMatchObject({
    ...{ model: 'm', requestsPerSecond: 2.5, itemsPerSecond: 3, queued: 9, meanBatch: 3 },
    ...{ guidedShare: 1 / 6, errorsPerSecond: 0.5, engineBytes: 90 * 1024 * 1024 },
  });
  // All in the bucket from 1 to 2.5 ms, and from 10 to 25 ms.
  expect(m?.waitMs?.p50).toBeCloseTo(1.75);
  expect(m?.waitMs?.p95).toBeCloseTo(1 + 0.95 * 1.5);
  expect(m?.runMs?.p50).toBeCloseTo(17.5);
  expect(other).toMatchObject({
    model: 'other',
    requestsPerSecond: 0,
    meanBatch: null,
    waitMs: null,
    engineBytes: null,
  });
});

test('a server that was started again does not count below zero', async () => {
  const old = metrics();
  old.batchRan({ ...run, guided: 5, unguided: 5, waitMs: [1], runMs: 1 });
  const before = new Reading(await old.text());
  const [m] = summarize(before, new Reading(await metrics().text()), 1).models;
  expect(m).toMatchObject({ itemsPerSecond: 0, runMs: null, meanBatch: null });
});

test('names belong to a folder only if the folder is served', () => {
  expect([...foldersOf(['a-guided', 'a', 'b-guided', 'a-classifier'])]).toEqual([
    ['a', ['a', 'a-classifier', 'a-guided']],
    ['b-guided', ['b-guided']],
  ]);
});

test('a screen has the server in one line and a line for each model', async () => {
  const reading = new Reading(await metrics().text());
  const lines = renderSummary(summarize(reading, reading, 1), 'head');
  expect(lines.slice(0, 2)).toEqual([
    'head',
    expect.stringMatching(/^ready · 7 connections · 2 requests · 3.00 MiB/),
  ]);
  expect(lines.slice(3).map((line) => line.split(/ {2,}/)[0])).toEqual(['MODEL', 'm', 'other']);
  expect(new Set(lines.slice(3).map(({ length }) => length)).size).toBe(1);
});
