/** Webhooks under crashes: whatever is torn down, and wherever, every event arrives at least once and verifies. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Env } from '../../src/env.ts';
import { attemptDelivery } from '../../src/functions/webhooks/attempt.ts';
import { fanOut } from '../../src/functions/webhooks/fan-out.ts';
import { takeOverdue } from '../../src/store/webhooks/upkeep.ts';
import { newTestAccount, type TestAccount } from '../support/accounts.ts';
import { hookUrl, jobStub, received, SMALL_JOB } from '../support/api.ts';
import { crashingEnv } from '../support/crashing-env.ts';
import {
  attemptNow,
  deliveries,
  newEndpoint,
  takenBy,
  verify,
  waitForDeliveries,
} from '../support/webhooks.ts';

const JOB = { ...SMALL_JOB, class: 3, classes: undefined, count: 1, steps: 2, keep_state: false };

describe('a crash between any two steps of a delivery', () => {
  let account: TestAccount;
  let sample: string;
  let secret: string;

  beforeAll(async () => {
    // The sweep takes what is overdue of anybody: not what other tests left to receivers that never answer.
    await env.DB.prepare('DELETE FROM webhook_delivery').run();
    account = await newTestAccount();
    ({ secret } = await newEndpoint(account, 'crash-endpoint'));
    ({ id: sample } = await account.create({ ...JOB, webhook: { url: hookUrl('crash-own') } }));
    await waitForDeliveries(account, '?status=delivered', (found) => found.length === 2);
  });

  /** The job owes one more event, as if it had just ended, and no alarm of its own is near. */
  function owe(): Promise<string> {
    return runInDurableObject(jobStub(sample), (_job, state) => {
      const { seq } = state.storage.sql
        .exec<{ seq: number }>(
          `INSERT INTO owed_event (type, at, snapshot, enqueue_at)
           VALUES ('sample.succeeded', 1, '{"status":"succeeded","createdAt":1,"startedAt":1,"finishedAt":1,"failure":null}', ?)
           RETURNING seq`,
          Date.now() + 3_600_000,
        )
        .one();
      return `msg_${sample}_${seq}`;
    });
  }

  async function deliveriesOf(message: string): Promise<{ id: string; status: string }[]> {
    const { results } = await env.DB.prepare('SELECT id, status FROM webhook_delivery WHERE message = ?')
      .bind(message)
      .all<{ id: string; status: string }>();
    return results;
  }

  /** The whole way of one event, with a queue that loses every message. */
  async function walk(message: string, through: Env): Promise<void> {
    await fanOut(sample, through);
    for (const { id } of await deliveriesOf(message)) await attemptDelivery(id, through);
  }

  it('loses nothing, though the queue loses everything', async () => {
    const whole = crashingEnv(env, Number.POSITIVE_INFINITY, 'before');
    await walk(await owe(), whole.env);
    const steps = whole.taken();
    expect(steps).toBeGreaterThan(10);

    for (let at = 1; at <= steps; at++) {
      for (const when of ['before', 'after'] as const) {
        const message = await owe();
        const broken = crashingEnv(env, at, when);
        await expect(walk(message, broken.env), `${when} step ${at}`).rejects.toThrow('crashed');
        await evictDurableObject(jobStub(sample));
        // The job's lease and the sweep find what is left.
        const quiet = crashingEnv(env, Number.POSITIVE_INFINITY, 'before').env;
        await fanOut(sample, quiet);
        const now = Date.now();
        for (const id of await takeOverdue(env.DB, now + 3_600_000, now, 100))
          await attemptDelivery(id, quiet);

        const left = await deliveriesOf(message);
        expect(
          left.map(({ status }) => status),
          `${when} step ${at}`,
        ).toEqual(['delivered', 'delivered']);
        for (const [name, key] of [
          ['crash-endpoint', secret],
          ['crash-own', env.WEBHOOK_SECRET!],
        ] as const) {
          const got = (await received(name)).filter(({ headers }) => headers['webhook-id'] === message);
          expect(got.length, `${when} step ${at}`).toBeGreaterThanOrEqual(1);
          expect(new Set(got.map(({ body }) => body)).size).toBe(1);
          for (const request of got) expect(verify(request, key).data.id).toBe(sample);
        }
        const owed = await runInDurableObject(jobStub(sample), (job) => job.owedEvents());
        expect(owed?.events).toEqual([]);
      }
    }
  });
});

describe('a receiver that fails three times of ten', () => {
  it('gets every event of sixty samples, each at least once and signed', async () => {
    const account = await newTestAccount();
    const { secret } = await newEndpoint(account, 'flaky', { query: '?fail=3' });
    const samples = [];
    for (let seed = 0; seed < 60; seed++)
      samples.push(await account.create({ ...JOB, guidance_scale: 0, seed }));
    for (const { id } of samples) {
      await waitForDeliveries(
        account,
        `?sample=${id}`,
        (found) => found.length === 1 && found[0]!.attempts > 0,
      );
    }
    while ((await attemptNow('account', account.id)) > 0);
    const taken = await takenBy('flaky', secret);
    expect(new Set([...taken.values()].map(({ data }) => data.id))).toEqual(
      new Set(samples.map(({ id }) => id)),
    );
    expect((await received('flaky')).filter(({ status }) => status === 500).length).toBeGreaterThan(15);
    expect(await deliveries(account, '?status=dead')).toEqual([]);
  });
});
