/** An account's queue: so many jobs walk, the others wait, and whoever dies, no place leaks and nobody starves. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueStore } from '../../src/durable/queue/queue-store.ts';
import type { Env } from '../../src/env.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { callAs, newTestAccount, type TestAccount } from '../support/accounts.ts';
import { ADMIN_TOKEN, control, ended, jobStub, spoil } from '../support/api.ts';
import { destroy } from '../support/samples.ts';

/** So many steps that it never ends by itself in a test that has slow steps. */
const ENDLESS = { model: 'mnist-32', class: 3, steps: '200' };
const SHORT = { model: 'mnist-32', class: 3, steps: '4' };

beforeEach(() => spoil({ fault: 'slow', ms: 500 }));
afterEach(async () => {
  await Promise.all(made.splice(0).map((id) => jobStub(id).cancel()));
  await spoil({ fault: null });
});

/** Every job of a test, to be gone before the next. */
const made: string[] = [];

async function create(account: TestAccount, body: object): Promise<string> {
  const { id } = await account.create(body);
  made.push(id);
  return id;
}

function queueOf(account: TestAccount) {
  return env.ACCOUNT_QUEUES.get(env.ACCOUNT_QUEUES.idFromName(account.id));
}

interface QueueRow extends Record<string, SqlStorageValue> {
  job: string;
  ticket: number;
  walking: number;
}

function entriesOf(account: TestAccount): Promise<QueueRow[]> {
  return runInDurableObject(queueOf(account), (_queue, { storage }) =>
    new QueueStore(storage).exists()
      ? storage.sql.exec<QueueRow>('SELECT job, ticket, walking FROM entry ORDER BY seq').toArray()
      : [],
  );
}

function change(account: TestAccount, statement: string): Promise<void> {
  return runInDurableObject(queueOf(account), (_queue, { storage }) => {
    storage.sql.exec(statement);
  });
}

async function get(account: TestAccount, id: string): Promise<SampleResponse> {
  const response = await account.call(`/v1/samples/${id}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

async function act(account: TestAccount, id: string, verb: string): Promise<void> {
  const response = await account.call(`/v1/samples/${id}/${verb}`, { method: 'POST' });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
}

/** One after the other, each in the queue before the next comes. */
async function several(account: TestAccount, bodies: readonly object[]): Promise<string[]> {
  const ids: string[] = [];
  for (const body of bodies) {
    ids.push(await create(account, body));
    await expect.poll(() => entriesOf(account), { timeout: 10_000 }).toHaveLength(ids.length);
  }
  return ids;
}

/** `walks`, or the position. */
async function placeOf(account: TestAccount, id: string): Promise<string | number | null> {
  const { status, queue } = await get(account, id);
  return queue?.position ?? (status === 'queued' ? null : status);
}

function places(account: TestAccount, ids: readonly string[]): Promise<(string | number | null)[]> {
  return Promise.all(ids.map((id) => placeOf(account, id)));
}

async function expectPlaces(
  account: TestAccount,
  ids: readonly string[],
  wanted: readonly (string | number | null)[],
): Promise<void> {
  await expect.poll(() => places(account, ids), { timeout: 20_000, interval: 200 }).toEqual(wanted);
}

describe("an account's queue", () => {
  it('lets so many jobs walk, and has the others wait by priority, then arrival', async () => {
    const account = await newTestAccount({ runningJobs: 2 });
    const high = { ...ENDLESS, priority: 'high' };
    const ids = await several(account, [
      ENDLESS,
      ENDLESS,
      { ...ENDLESS, priority: 'low' },
      ENDLESS,
      high,
      ENDLESS,
    ]);
    await expectPlaces(account, ids, ['running', 'running', 4, 2, 1, 3]);
    expect((await get(account, ids[2]!)).started_at).toBeNull();
  });

  it('gives the place of a job that is cancelled, ends or pauses to the next', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, SHORT, ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1, 2, 3]);
    await act(account, ids[0]!, 'cancel');
    await expectPlaces(account, ids, ['canceled', 'succeeded', 'running', 1]);
    await act(account, ids[2]!, 'pause');
    await expectPlaces(account, ids, ['canceled', 'succeeded', 'paused', 'running']);
    await act(account, ids[2]!, 'resume');
    await expectPlaces(account, ids, ['canceled', 'succeeded', 1, 'running']);
    expect((await get(account, ids[2]!)).status).toBe('queued');
    await act(account, ids[3]!, 'cancel');
    await expectPlaces(account, ids, ['canceled', 'succeeded', 'running', 'canceled']);
  });

  it('lets a job that waits be cancelled and be paused, without a step', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS, ENDLESS, ENDLESS]);
    await act(account, ids[1]!, 'cancel');
    await act(account, ids[2]!, 'pause');
    await expectPlaces(account, ids, ['running', 'canceled', 'paused', 1]);
    await expect.poll(() => entriesOf(account)).toHaveLength(2);
  });

  it('keeps accounts apart', async () => {
    const [one, other] = [await newTestAccount({ runningJobs: 1 }), await newTestAccount({ runningJobs: 1 })];
    const ids = await several(one, [ENDLESS, ENDLESS]);
    const others = await several(other, [ENDLESS]);
    await expectPlaces(one, ids, ['running', 1]);
    await expectPlaces(other, others, ['running']);
  });

  it('follows the quota when the operator changes it', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1, 2]);
    const body = { quotas: { running_jobs: 3 } };
    await callAs(ADMIN_TOKEN, `/v1/accounts/${account.id}`, { method: 'PATCH', body });
    await expectPlaces(account, ids, ['running', 'running', 'running']);
  });

  it('says the priority to the backend', async () => {
    const account = await newTestAccount();
    await create(account, { ...SHORT, priority: 'high' });
    await expect.poll(async () => (await control()).last?.parameters.priority, { timeout: 10_000 }).toBe(50);
  });
});

describe('a queue and jobs that die', () => {
  it('ends every job, two at a time, while every object is torn down again and again', async () => {
    await spoil({ fault: 'slow', ms: 30 });
    const account = await newTestAccount({ runningJobs: 2 });
    const ids = await Promise.all(
      Array.from({ length: 8 }, (_, i) => create(account, { ...SHORT, seed: i })),
    );
    let most = 0;
    for (let i = 0; i < 25; i++) {
      await scheduler.wait(Math.floor((i * 37) % 150));
      await abortAllDurableObjects();
      most = Math.max(most, (await entriesOf(account)).filter(({ walking }) => walking === 1).length);
    }
    expect(most).toBeLessThanOrEqual(2);
    await expect
      .poll(async () => (await Promise.all(ids.map((id) => get(account, id)))).every(ended), {
        timeout: 40_000,
        interval: 300,
      })
      .toBe(true);
    for (const id of ids) expect((await get(account, id)).status).toBe('succeeded');
    await expect.poll(() => entriesOf(account), { timeout: 20_000 }).toEqual([]);
  });

  it('takes the place back from a job that is no longer there', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1]);
    await destroy(jobStub(ids[0]!));
    await change(account, 'UPDATE entry SET seen_at = 0 WHERE walking = 1');
    await runDurableObjectAlarm(queueOf(account));
    await expectPlaces(account, ids.slice(1), ['running']);
  });

  it('tells a job of its place until it knows', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1]);
    await act(account, ids[0]!, 'cancel');
    await expect.poll(() => entriesOf(account)).toHaveLength(1);
    // As if the word had been lost with the object that sent it.
    await runInDurableObject(jobStub(ids[1]!), (_job, { storage }) => {
      storage.sql.exec("UPDATE job SET turn = 'waiting'");
    });
    await change(account, 'UPDATE entry SET told = 0');
    await runDurableObjectAlarm(queueOf(account));
    await expectPlaces(account, ids, ['canceled', 'running']);
  });

  it('has a job ask again that the queue has forgotten', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1]);
    await change(account, `DELETE FROM entry WHERE job = '${ids[1]}'`);
    await runInDurableObject(jobStub(ids[1]!), (_job, { storage }) => {
      storage.sql.exec('UPDATE job SET turn_heard_at = 0');
    });
    await runDurableObjectAlarm(jobStub(ids[1]!));
    await expect.poll(() => entriesOf(account)).toHaveLength(2);
  });

  it('hears no word about an earlier stay', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS]);
    const [first] = await entriesOf(account);
    await act(account, ids[0]!, 'pause');
    await expect.poll(() => entriesOf(account), { timeout: 10_000 }).toEqual([]);
    await act(account, ids[0]!, 'resume');
    await expectPlaces(account, ids, ['running']);
    await queueOf(account).leave({ job: ids[0]!, ticket: first!.ticket });
    const [again] = await entriesOf(account);
    expect(again!.ticket).toBeGreaterThan(first!.ticket);
    expect(await jobStub(ids[0]!).offerTurn(first!.ticket)).toBe(false);
  });

  it('waits for a job that stands before it gives its place away', async () => {
    const account = await newTestAccount({ runningJobs: 1 });
    const ids = await several(account, [ENDLESS, ENDLESS]);
    await expectPlaces(account, ids, ['running', 1]);
    // The batch can't be told to stand: what the job's parts hold is the environment that they were made with.
    const { BATCHES } = env;
    const idFromName = () => {
      throw new Error('batches are away');
    };
    await runInDurableObject(jobStub(ids[0]!), (job) => {
      Object.assign((job as unknown as { env: Env }).env, { BATCHES: { idFromName } });
    });
    await account.call(`/v1/samples/${ids[0]}/pause`, { method: 'POST' });
    await scheduler.wait(1_500);
    expect(await placeOf(account, ids[1]!)).toBe(1);
    await runInDurableObject(jobStub(ids[0]!), (job) => {
      Object.assign((job as unknown as { env: Env }).env, { BATCHES });
    });
    await expectPlaces(account, ids, ['paused', 'running']);
  });
});
