import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import type { WebhookMessage } from '../../src/env.ts';
import { consumeWebhooks } from '../../src/functions/webhooks/consumer.ts';
import {
  createSample,
  ended,
  getSample,
  hookUrl,
  jobStub,
  post,
  received,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const JOB = { ...SMALL_JOB, steps: 2 };

afterEach(() => spoil({ fault: null }));

async function finishedWithHook(url: string, extra: object = {}): Promise<string> {
  const { id } = await createSample({ ...JOB, webhook: { url, secret: SECRET }, ...extra });
  await waitFor(id, ended);
  return id;
}

/** Lets the queue deliver in a time of the test's choosing. */
async function consume(job: string, queue = 'cairn-webhooks') {
  const batch = createMessageBatch<WebhookMessage>(queue, [
    { id: 'm', timestamp: new Date(), attempts: 1, body: { job } },
  ]);
  const context = createExecutionContext();
  await consumeWebhooks(batch, env);
  return getQueueResult(batch, context);
}

/** When the job itself would look after its webhook: the delay it gave the queue, and a minute. */
function secondsUntilCheck(id: string): Promise<number> {
  return runInDurableObject(jobStub(id), (_job, state) => {
    const { enqueue_at } = state.storage.sql
      .exec<{ enqueue_at: number }>('SELECT enqueue_at FROM webhook')
      .one();
    return (enqueue_at - Date.now()) / 1000 - 60;
  });
}

describe('a webhook', () => {
  it('arrives signed, thin, once the job has ended', async () => {
    const id = await finishedWithHook(hookUrl('signed'));
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    const [first] = await received('signed');
    const event = new Webhook(SECRET).verify(first!.body, first!.headers) as {
      type: string;
      data: { id: string };
    };
    expect(event.type).toBe('sample.succeeded');
    expect(event.data).toMatchObject({ id, status: 'succeeded', grid: expect.stringContaining(id) });
    expect(first!.headers['webhook-id']).toBe(`msg_${id}_1`);
    expect(first!.body.length).toBeLessThan(20_000);
    expect(() =>
      new Webhook(SECRET).verify(first!.body.replace('succeeded', 'failed'), first!.headers),
    ).toThrow();
  });

  it("is signed with the deployment's secret when the job brings none", async () => {
    const { id } = await createSample({ ...JOB, webhook: { url: hookUrl('deployment') } });
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    const [first] = await received('deployment');
    expect(() => new Webhook(env.WEBHOOK_SECRET!).verify(first!.body, first!.headers)).not.toThrow();
  });

  it('tells of failure and of cancel', async () => {
    await spoil({ fault: 'reject' });
    const failed = await finishedWithHook(hookUrl('failed'));
    await spoil({ fault: 'hang' });
    const { id: canceled } = await createSample({
      ...JOB,
      webhook: { url: hookUrl('canceled'), secret: SECRET },
    });
    await post(`/v1/samples/${canceled}/cancel`, {});
    for (const [id, name] of [
      [failed, 'failed'],
      [canceled, 'canceled'],
    ] as const) {
      await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
      const [first] = await received(name);
      expect(JSON.parse(first!.body).type).toBe(`sample.${name}`);
    }
  });

  it('is tried again by the schedule, with the same id and body, and never touches the job', async () => {
    const id = await finishedWithHook(hookUrl('again', '?status=500,503,204'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    expect(await getSample(id)).toMatchObject({
      status: 'succeeded',
      webhook: { status: 'pending', last_result: 'HTTP 500' },
    });
    expect((await consume(id)).retryMessages.map((message) => message.msgId)).toEqual(['m']);
    expect(await secondsUntilCheck(id)).toBeGreaterThanOrEqual(270); // 5 min, less jitter
    await consume(id);
    expect((await getSample(id)).webhook).toMatchObject({
      status: 'delivered',
      attempts: 3,
      last_result: 'HTTP 204',
    });
    const all = await received('again');
    expect(new Set(all.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(all.map(({ body }) => body)).size).toBe(1);
    expect((await consume(id)).explicitAcks).toEqual(['m']); // nothing more to deliver
    expect(await received('again')).toHaveLength(all.length);
  });

  it('waits as long as the receiver asks', async () => {
    const id = await finishedWithHook(hookUrl('patience', '?status=503&retry-after=4000'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    await consume(id);
    expect(await secondsUntilCheck(id)).toBeGreaterThan(3990);
  });

  it('does not follow redirects', async () => {
    const id = await finishedWithHook(hookUrl('moved', '?status=302'));
    await waitFor(id, (sample) => sample.webhook?.last_result === 'HTTP 302');
    expect(await received('moved-redirected')).toHaveLength(0);
  });

  it('ends at 410: the receiver wants no more', async () => {
    const id = await finishedWithHook(hookUrl('gone', '?status=410'));
    const sample = await waitFor(id, (s) => s.webhook?.status === 'dead');
    expect(sample.webhook?.last_result).toContain('HTTP 410');
    expect(sample.status).toBe('succeeded');
  });

  it('goes to the dead letters after the last delivery of the schedule', async () => {
    const id = await finishedWithHook(hookUrl('dead', '?status=500'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    for (let delivery = 2; delivery <= 10; delivery++) await consume(id);
    const sample = await waitFor(id, (s) => s.webhook?.status === 'dead');
    expect(sample).toMatchObject({
      status: 'succeeded',
      webhook: { last_result: expect.stringContaining('HTTP 500') },
    });
    expect((await received('dead')).length).toBeGreaterThanOrEqual(10);
  });

  it('is queued again by the job when the queue has lost it', async () => {
    const id = await finishedWithHook(hookUrl('lost', '?status=500,204'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    await runInDurableObject(jobStub(id), async (job, state) => {
      state.storage.sql.exec('UPDATE webhook SET enqueue_at = ?', Date.now() - 1); // its lease has run out
      await job.alarm();
    });
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
  });
});
