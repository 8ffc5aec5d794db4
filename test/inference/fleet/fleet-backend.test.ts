import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BackendError, EvaluationRequest } from '../../../src/inference/backend.ts';
import type { BackendSettings } from '../../../src/inference/fleet/configuration.ts';
import { FleetBackend } from '../../../src/inference/fleet/fleet-backend.ts';
import { modelDigest } from '../../../src/models/manifest.ts';
import { tinyManifest } from '../../server/tiny-model.ts';
import { listen } from '../../support/listen.ts';

const MANIFEST = tinyManifest({ id: 'tiny' }, new Uint8Array(1), new Uint8Array(1));
const TIMEOUT_MS = 300;

/** What a server does with its next inference calls: a status, or an answer of this value. */
interface Behaviour {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

interface Double extends BackendSettings {
  behaviour: Behaviour;
  calls: number;
  /** What it was asked beside steps. */
  readonly probes: string[];
  readonly server: Server;
}

let doubles: Double[];
let log: Record<string, unknown>[];

beforeEach(async () => {
  log = [];
  doubles = await Promise.all(['a', 'b', 'c', 'd'].map(startDouble));
});
afterEach(() => {
  vi.useRealTimers();
  for (const { server } of doubles) {
    server.close();
    server.closeAllConnections();
  }
});

async function startDouble(name: string): Promise<Double> {
  const server = createServer((req, res) => {
    req.resume();
    if (req.method === 'GET') {
      double.probes.push(req.url!);
      return void res.end('{}');
    }
    double.calls++;
    const { status, headers = {} } = double.behaviour;
    res.writeHead(status, headers).end(status === 200 ? answer() : `{"error":"${name} said ${status}"}`);
  });
  const { url } = await listen(server);
  const double: Double = {
    ...{ name, url, weight: 1, models: null, fp16: true, timeoutMs: TIMEOUT_MS },
    ...{ behaviour: { status: 200 }, calls: 0, probes: [], server },
  };
  return double;
}

function answer(): string {
  return JSON.stringify({
    model_name: 'tiny',
    parameters: { digest: modelDigest(MANIFEST) },
    outputs: [{ name: 'output', shape: [1, 4, 2, 3], datatype: 'FP32', data: Array(24).fill(0.5) }],
  });
}

function fleet(names: string, settings: Partial<BackendSettings> = {}): FleetBackend {
  return new FleetBackend({
    backends: [...names].map((name) => ({ ...double(name), ...settings })),
    findModel: (id) => (id === MANIFEST.id ? MANIFEST : null),
    // The first of the list and the first of the rest: of equals the first is taken.
    random: () => 0,
    log: (line) => log.push(JSON.parse(line)),
  });
}

function double(name: string): Double {
  return doubles.find((other) => other.name === name)!;
}

const REQUEST: EvaluationRequest = {
  model: 'tiny',
  shape: [1, 2, 2, 3],
  x: new Float32Array(12),
  timestep: Float32Array.of(7),
};

async function failure(backend: FleetBackend, request = REQUEST): Promise<BackendError> {
  return backend.evaluate(request).then(
    ({ backend: name }) => expect.fail(`${name} answered`),
    (error: BackendError) => error,
  );
}

function calls(): string {
  return doubles.map(({ name, calls: count }) => name.repeat(count)).join('');
}

test('a model is asked for only where it is', async () => {
  double('a').behaviour = { status: 500 };
  const backend = new FleetBackend({
    backends: [
      { ...double('a'), models: ['other'] },
      { ...double('b'), models: ['tiny'] },
    ],
    findModel: () => MANIFEST,
  });
  expect((await backend.evaluate(REQUEST)).backend).toBe('b');
  expect(calls()).toBe('b');
});

test('a model that no server is configured for is said to be unknown', async () => {
  expect(await failure(fleet('ab', { models: ['other'] }))).toMatchObject({
    kind: 'unknown_model',
    message: 'no backend is configured for model "tiny": there is a, b',
  });
});

test('a mistake of the caller costs no call and nobody his standing', async () => {
  const backend = fleet('ab');
  const error = await failure(backend, { ...REQUEST, timestep: new Float32Array(2) });
  expect(error.kind).toBe('rejected');
  expect([calls(), log]).toEqual(['', []]);
});

test('a step asks three servers at most', async () => {
  for (const other of doubles) other.behaviour = { status: 500 };
  const error = await failure(fleet('abcd'));
  expect(error).toMatchObject({ kind: 'unavailable', retryable: true });
  expect(calls()).toHaveLength(3);
  expect(new Set(calls()).size).toBe(3);
});

test('a refusal by all who were asked is not final while one was not asked', async () => {
  for (const other of doubles) other.behaviour = { status: 401 };
  expect((await failure(fleet('abcd'))).retryable).toBe(true);
  expect((await failure(fleet('abc'))).kind).toBe('unauthorized');
});

test('a server that refuses the token is out at once, with the reason, and not asked for the next step', async () => {
  double('a').behaviour = { status: 401 };
  const backend = fleet('ab');
  for (let step = 0; step < 5; step++) expect((await backend.evaluate(REQUEST)).backend).toBe('b');
  expect(calls()).toBe('abbbbb');
  expect(log).toMatchObject([
    {
      ...{ backend: 'a', url: double('a').url, model: 'tiny', event: 'backend_ejected' },
      reason: expect.stringContaining('401 a said 401'),
    },
  ]);
});

test('a server that asks for patience is left in peace, and the job is told for how long if there is no other', async () => {
  double('a').behaviour = { status: 429, headers: { 'retry-after': '20' } };
  const backend = fleet('a');
  for (let step = 0; step < 3; step++) {
    const error = await failure(backend);
    expect(error.kind).toBe('unavailable');
    expect(error.retryAfter).toBeGreaterThan(15);
    expect(error.retryAfter).toBeLessThanOrEqual(20);
  }
  expect([calls(), log]).toEqual(['a', []]);
});

test('the only server is asked again however ill it is, and is back with its first answer', async () => {
  double('a').behaviour = { status: 500 };
  const backend = fleet('a');
  for (let step = 0; step < 6; step++) await failure(backend);
  expect(calls()).toBe('aaaaaa');
  double('a').behaviour = { status: 200 };
  expect((await backend.evaluate(REQUEST)).backend).toBe('a');
  expect(log.map(({ event }) => event)).toEqual(['backend_ejected', 'backend_restored']);
});

test('an ejected server is probed beside a step, then gets one, and that decides', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  double('a').behaviour = { status: 401 };
  const backend = fleet('ab');
  await backend.evaluate(REQUEST);
  expect(calls()).toBe('ab');

  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
  const probed = () => vi.waitFor(() => expect(double('a').probes.length).toBeGreaterThan(0));
  pass(40_000);
  expect((await backend.evaluate(REQUEST)).backend).toBe('b');
  await probed();
  expect(double('a').probes[0]).toBe('/v2/models/tiny/ready');
  // Well to the probe, not to the step: the other takes it, and the next probe is later than the first was.
  await vi.waitFor(async () => {
    await backend.evaluate(REQUEST);
    expect(double('a').calls).toBe(2);
  });
  double('a').probes.length = 0;
  pass(40_000);
  await backend.evaluate(REQUEST);
  expect(double('a').probes).toEqual([]);

  double('a').behaviour = { status: 200 };
  pass(60_000);
  await backend.evaluate(REQUEST);
  await probed();
  await vi.waitFor(async () => expect((await backend.evaluate(REQUEST)).backend).toBe('a'));
  expect(log.map(({ event, for_ms }) => for_ms ?? event)).toEqual([24_000, 48_000, 'backend_restored']);
});

test('an abort ends the step at once and is nobody else’s business', async () => {
  const abort = AbortSignal.abort();
  const error = await fleet('ab')
    .evaluate(REQUEST, { signal: abort })
    .catch((reason: BackendError) => reason);
  expect(error).toMatchObject({ kind: 'aborted' });
  expect([calls(), log]).toEqual(['', []]);
});

test('many steps at once are spread over the servers', async () => {
  const backend = fleet('ab');
  await Promise.all(Array.from({ length: 20 }, () => backend.evaluate(REQUEST)));
  expect(double('a').calls).toBeGreaterThan(4);
  expect(double('b').calls).toBeGreaterThan(4);
});
