/** A batch that walks over several inference servers while they fail, each in its own way. */
import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { BatchStore } from '../../src/durable/batch/batch-store.ts';
import type { SampleBatch } from '../../src/durable/sample-batch.ts';
import type { BatchSpec, Failure, SampleSpec } from '../../src/durable/spec.ts';
import { modelDigest } from '../../src/models/manifest.ts';
import { findModel } from '../../src/models/registry.ts';
import { batchStub, control, spoil } from '../support/api.ts';
import type { Fault } from '../support/shared.ts';

const STEPS = 12;
const TIMEOUT_MS = 1_500;
const urls = inject('fleetUrls');
/** Nobody listens there: a port that needs privileges. */
const NOBODY = 'http://127.0.0.1:1';

let batches = 0;

interface Walked {
  readonly status: string;
  readonly failure: Failure | null;
  readonly x: Float32Array | null;
  /** Name of the server that computed each step, without the number of the batch. */
  readonly servers: readonly string[];
  readonly retries: readonly string[];
}

/** A batch without a job that knows it removes itself: this one has a job for each that only listens. */
const LISTENING_JOBS = {
  idFromName: (name: string) => name,
  get: () => ({ batchReport: async () => ({ known: true, watched: false }) }),
};

/** Fleets are kept by their configuration: with names of its own each batch begins with one that knows nothing. */
async function start(servers: readonly string[], job: Partial<SampleSpec> = {}): Promise<string> {
  const id = `fleet-${batches++}`;
  await runInDurableObject(batchStub(id), async (batch: SampleBatch) => {
    const list = servers.map((url, i) => ({ name: `${'abc'[i]}-${id}`, url }));
    const own = batch as unknown as { env: object };
    Object.assign(own.env, { JOBS: LISTENING_JOBS }); // the batch's reporter holds the environment it was made with
    own.env = {
      ...own.env,
      INFERENCE_URL: undefined,
      INFERENCE_BACKENDS: JSON.stringify(list),
      INFERENCE_TOKEN: 'secret',
      INFERENCE_TIMEOUT_MS: String(TIMEOUT_MS),
      JOBS: LISTENING_JOBS,
    };
    await batch.start(specOf(id, job), { life: 1, patches: [] });
  });
  return id;
}

function specOf(id: string, job: Partial<SampleSpec>): BatchSpec {
  const manifest = findModel('mnist-32')!;
  const spec: SampleSpec = {
    ...{ id, account: 'acc', model: manifest.id, modelDigest: modelDigest(manifest), sampler: 'ddpm' },
    ...{ steps: String(STEPS), numSteps: STEPS, eta: 0, clipDenoised: true, guidance: 1, seed: 3 },
    ...{ count: 3, classes: [3, 1, 4], batchSize: 10, reproducibility: 'exact', precision: 'fp32' },
    ...{ keepState: true, previewEvery: 0, deadlineAt: null, webhook: null, origin: 'https://cairn.test' },
    ...{ retentionSeconds: 3600 },
    ...{ priority: 'normal', metadata: {} },
    ...job,
  };
  return { job: spec, index: 0, first: 0, size: spec.count };
}

async function walked(id: string): Promise<Walked> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const now = await runInDurableObject(batchStub(id), (_batch, state) => {
      const store = new BatchStore(state.storage);
      const { status, failure } = store.read()!;
      const x = store.readState()?.tensors.x ?? null;
      const events = state.storage.sql.exec<{ kind: string; data: string }>(
        'SELECT kind, data FROM event ORDER BY seq',
      );
      const byKind = Map.groupBy([...events], ({ kind }) => kind);
      const dataOf = (kind: string) => (byKind.get(kind) ?? []).map(({ data }) => JSON.parse(data));
      return {
        ...{ status, failure, x },
        servers: dataOf('step').map(({ backend }) => backend[0]),
        retries: dataOf('retry').map(({ message }) => message),
      };
    });
    if (!['running', 'finishing'].includes(now.status)) return now;
    if (Date.now() > deadline) throw new Error(`still ${now.status}: ${JSON.stringify(now.retries)}`);
    await scheduler.wait(20);
  }
}

const { JOBS } = env;
afterAll(() => Object.assign(env, { JOBS }));

let calm: Walked;
beforeAll(async () => {
  calm = await walked(await start([urls[0]!]));
  expect(calm).toMatchObject({ status: 'succeeded', servers: Array(STEPS).fill('a') });
});

afterEach(async () => {
  for (const url of urls) await whenUp(() => spoil({ fault: null }, url));
});

/** A proxy that is down comes back by itself. */
async function whenUp<T>(tell: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await tell();
    } catch {
      await scheduler.wait(50);
    }
  }
}

it('costs one round trip a step, and nothing else', async () => {
  await spoil({ fault: null }, urls[0]);
  await walked(await start([urls[0]!]));
  expect(await control(undefined, urls[0])).toMatchObject({ calls: STEPS, others: 0 });
});

it('says whose step it is, how long it may take, and that its bits matter', async () => {
  const id = await start([urls[0]!]);
  await walked(id);
  expect((await control(undefined, urls[0])).last).toEqual({
    parameters: { timeout: 1000 * TIMEOUT_MS, owner: id, exact: true },
    x: 'FP32',
  });
  const fast = await start([urls[0]!], { reproducibility: 'fast' });
  await walked(fast);
  expect((await control(undefined, urls[0])).last?.parameters).toEqual({
    timeout: 1000 * TIMEOUT_MS,
    owner: fast,
  });
});

describe('a server that', () => {
  it.each<[string, Fault]>([
    ['is killed', 'down'],
    ['stalls', 'hang'],
    ['resets its connections', 'reset'],
    ['answers garbage', 'garbage'],
    ['answers NaN', 'nan'],
    ['is unavailable', 'unavailable'],
    ['has another model under the name', 'wrong_digest'],
    ['does not take the token any more', 'unauthorized'],
    ['has lost the model', 'unknown'],
    ['asks for patience', 'patience'],
  ])('%s in the middle of a sample hands it over, and no pixel shows it', async (_, fault) => {
    const [a, b, c] = urls as [string, string, string];
    for (const url of [a, b]) await spoil({ fault, after: 2, ms: 1_500 }, url);
    await spoil({ fault: 'slow', ms: 100 }, c); // the others are asked first
    const end = await walked(await start(urls));
    expect(end).toMatchObject({ status: 'succeeded', failure: null });
    expect(end.x).toEqual(calm.x);
    // Without a pause: the batch never had to come back later.
    expect(end.retries).toEqual([]);
    expect(end.servers.length).toBe(STEPS);
    const taken = end.servers.filter((server) => server !== 'c').length;
    const asked =
      (await whenUp(() => control(undefined, a))).calls + (await whenUp(() => control(undefined, b))).calls;
    expect(taken).toBeLessThanOrEqual(4);
    expect(asked).toBeGreaterThan(taken);
  });

  it('refuses what another takes is at fault, and is not asked again', async () => {
    await spoil({ fault: 'reject' }, urls[0]);
    const end = await walked(await start([urls[0]!, urls[1]!]));
    expect(end).toMatchObject({ status: 'succeeded', retries: [], servers: Array(STEPS).fill('b') });
    expect(end.x).toEqual(calm.x);
    expect((await control(undefined, urls[0])).calls).toBe(1);
  });

  it('is slow gets less to do', async () => {
    // So much slower that it shows on a busy machine too, where both are slow.
    await spoil({ fault: 'slow', ms: 1_000 }, urls[0]);
    const end = await walked(await start([urls[0]!, urls[1]!]));
    expect(end.x).toEqual(calm.x);
    expect(end.servers.filter((server) => server === 'b').length).toBeGreaterThan((2 * STEPS) / 3);
  });

  it('was never there is no loss', async () => {
    const end = await walked(await start([NOBODY, urls[1]!]));
    expect(end).toMatchObject({ status: 'succeeded', retries: [], servers: Array(STEPS).fill('b') });
    expect(end.x).toEqual(calm.x);
  });

  it('comes back is given steps again', async () => {
    await spoil({ fault: 'down', times: 1, ms: 300 }, urls[0]);
    await spoil({ fault: 'slow', ms: 150 }, urls[1]);
    const end = await walked(await start([urls[0]!, urls[1]!], { steps: '30', numSteps: 30 }));
    expect(end.status).toBe('succeeded');
    expect(end.servers.at(0)).toBe('b');
    expect(end.servers.at(-1)).toBe('a');
  });
});

describe('with every server in trouble', () => {
  it('a batch waits, and goes on with what comes back first', async () => {
    await spoil({ fault: 'down', after: 4, times: 1, ms: 700 }, urls[0]);
    await spoil({ fault: 'unavailable', times: 20 }, urls[1]);
    const end = await walked(await start([urls[0]!, urls[1]!]));
    expect(end.status).toBe('succeeded');
    expect(end.x).toEqual(calm.x);
    expect(end.retries[0]).toMatch(/^no backend took the step: a-.*; b-.*spoiled: unavailable$/);
  });

  it('a batch fails with what each of them said', async () => {
    await spoil({ fault: 'unauthorized' }, urls[0]);
    await spoil({ fault: 'unknown' }, urls[1]);
    const { failure } = await walked(await start([urls[0]!, urls[1]!]));
    expect(failure?.code).toBe('backend_rejected');
    expect(failure?.message).toMatch(
      /a-fleet-\d+: POST .*: 401 spoiled: unauthorized; b-fleet-\d+: POST .*: 404 /,
    );
  });

  it('a batch waits for its own model, and ends if only another is left', async () => {
    await spoil({ fault: 'wrong_digest', after: 3 }, urls[0]);
    const { failure, retries, servers } = await walked(await start([urls[0]!]));
    expect(servers.length).toBe(3);
    expect(failure?.code).toBe('model_changed');
    expect(failure?.message).toMatch(
      /has mnist-32-guided as "sha256:another", but the job began with "sha256:/,
    );
    expect(retries.length).toBeGreaterThan(1);
  });

  it('two that refuse a request are right: it is the request', async () => {
    for (const url of urls) await spoil({ fault: 'reject' }, url);
    const { failure } = await walked(await start(urls));
    expect(failure?.code).toBe('backend_rejected');
    const reports = await Promise.all(urls.map((url) => control(undefined, url)));
    expect(reports.reduce((sum, { calls }) => sum + calls, 0)).toBe(2);
  });
});

it('walks to the same bytes however many others share its server', async () => {
  const crowd = [0, 1, 2, 3, 4].map((n) =>
    start([urls[0]!], { reproducibility: 'fast', seed: 100 + n, count: 1 + n, classes: [n] }),
  );
  const exact = await walked(await start([urls[0]!]));
  expect(exact.x).toEqual(calm.x);
  for (const id of await Promise.all(crowd)) expect((await walked(id)).status).toBe('succeeded');
});

describe('half precision on the wire', () => {
  const half: Partial<SampleSpec> = { precision: 'fp16' };

  it('is kept when the server changes, to the same bytes', async () => {
    const undisturbed = await walked(await start([urls[0]!], half));
    expect((await control(undefined, urls[0])).last?.x).toBe('FP16');
    expect(undisturbed.status).toBe('succeeded');
    expect(undisturbed.x).not.toEqual(calm.x);
    await spoil({ fault: 'down', after: 5, ms: 3_000 }, urls[0]);
    const moved = await walked(await start([urls[0]!, urls[1]!], half));
    expect(moved.x).toEqual(undisturbed.x);
  });
});
