import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createSample,
  ended,
  getSample,
  hookUrl,
  jobStub,
  post,
  problemOf,
  received,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { attemptNow, consume, verify } from '../support/webhooks.ts';

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const JOB = { ...SMALL_JOB, steps: 2 };

afterEach(() => spoil({ fault: null }));

async function finishedWithHook(url: string, extra: object = {}): Promise<string> {
  const { id } = await createSample({ ...JOB, webhook: { url, secret: SECRET, ...extra } });
  await waitFor(id, ended);
  return id;
}

/** Until the next attempt of the sample's only delivery. */
async function secondsUntilNext(sample: string): Promise<number> {
  const at = await env.DB.prepare('SELECT next_attempt_at FROM webhook_delivery WHERE sample = ?')
    .bind(sample)
    .first<number>('next_attempt_at');
  return (at! - Date.now()) / 1000;
}

describe("a webhook to the sample's own URL", () => {
  it('arrives signed, thin, once the job has ended', async () => {
    const id = await finishedWithHook(hookUrl('signed'));
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    const [first] = await received('signed');
    const event = verify(first!, SECRET);
    expect(event.type).toBe('sample.succeeded');
    expect(event.data).toMatchObject({
      id,
      status: 'succeeded',
      grid: expect.stringContaining(id),
      error: null,
      request: { model: 'mnist-32', seed: 7, count: 3 },
    });
    expect(first!.headers['webhook-id']).toMatch(new RegExp(`^msg_${id}_\\d+$`));
    expect(() =>
      new Webhook(SECRET).verify(first!.body.replace('succeeded', 'failed'), first!.headers),
    ).toThrow();
  });

  it("is signed with the deployment's secret when the job brings none", async () => {
    const { id } = await createSample({ ...JOB, webhook: { url: hookUrl('deployment') } });
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    const [first] = await received('deployment');
    expect(verify(first!, env.WEBHOOK_SECRET!).data.id).toBe(id);
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
      expect(verify(first!, SECRET)).toMatchObject({ type: `sample.${name}`, data: { status: name } });
    }
    const [first] = await received('failed');
    expect(verify(first!, SECRET).data.error?.code).toBe('backend_rejected');
  });

  it('tells only of what was asked for', async () => {
    const id = await finishedWithHook(hookUrl('filtered'), { events: ['sample.started'] });
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    await consume({ job: id });
    expect((await received('filtered')).map(({ body }) => JSON.parse(body).type)).toEqual(['sample.started']);
    const refused = await post('/v1/samples', {
      ...JOB,
      webhook: { url: hookUrl('x'), events: ['sample.*'] },
    });
    expect(refused.status).toBe(422);
    expect((await problemOf(refused)).errors?.[0]?.pointer).toBe('/webhook/events/0');
  });

  it('is tried again by the schedule, with the same id and body, and never touches the job', async () => {
    const id = await finishedWithHook(hookUrl('again', '?status=500,503,204'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    expect(await getSample(id)).toMatchObject({
      status: 'succeeded',
      webhook: { status: 'pending', last_result: 'HTTP 500' },
    });
    expect(await secondsUntilNext(id)).toBeLessThan(7); // 5 s and jitter
    await attemptNow('sample', id);
    expect(await secondsUntilNext(id)).toBeGreaterThanOrEqual(260); // 5 min, less jitter
    await attemptNow('sample', id);
    expect((await getSample(id)).webhook).toMatchObject({
      status: 'delivered',
      attempts: 3,
      last_result: 'HTTP 204',
    });
    const all = await received('again');
    expect(new Set(all.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(all.map(({ body }) => body)).size).toBe(1);
    expect(await attemptNow('sample', id)).toBe(0); // nothing more to deliver
  });

  it('waits as long as the receiver asks', async () => {
    const id = await finishedWithHook(hookUrl('patience', '?status=503&retry-after=4000'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    expect(await secondsUntilNext(id)).toBeGreaterThan(3980);
  });

  it('does not follow redirects', async () => {
    const id = await finishedWithHook(hookUrl('moved', '?status=302'));
    await waitFor(id, (sample) => sample.webhook?.last_result === 'HTTP 302');
    expect(await received('moved-redirected')).toHaveLength(0);
  });

  it('has arrived when the answer begins, however long it goes on', async () => {
    const id = await finishedWithHook(hookUrl('drip', '?drip&status=200'));
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
  });

  it('has failed when there is no answer in 20 s, and the job knows nothing of it', async () => {
    const began = Date.now();
    const id = await finishedWithHook(hookUrl('hang', '?hang'));
    expect(Date.now() - began).toBeLessThan(15_000);
    const { webhook } = await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1, 40_000);
    expect(webhook).toMatchObject({ status: 'pending', last_result: 'no answer within 20 s' });
  });

  it('ends at 410: the receiver wants no more', async () => {
    const id = await finishedWithHook(hookUrl('gone', '?status=410'));
    const sample = await waitFor(id, (s) => s.webhook?.status === 'dead');
    expect(sample.webhook?.last_result).toContain('HTTP 410');
    expect(sample.status).toBe('succeeded');
  });

  it('is a dead letter after the last attempt of the schedule', async () => {
    const id = await finishedWithHook(hookUrl('dead', '?status=500'));
    await waitFor(id, (sample) => (sample.webhook?.attempts ?? 0) >= 1);
    while ((await attemptNow('sample', id)) > 0);
    const sample = await getSample(id);
    expect(sample).toMatchObject({
      status: 'succeeded',
      webhook: { status: 'dead', attempts: 10, last_result: 'HTTP 500' },
    });
    expect(await received('dead')).toHaveLength(10);
  });

  it('is queued again by the job when the queue has lost the job’s name', async () => {
    const id = await finishedWithHook(hookUrl('lost'));
    await waitFor(id, (sample) => sample.webhook?.status === 'delivered');
    await runInDurableObject(jobStub(id), async (job, state) => {
      state.storage.sql.exec(
        `INSERT INTO owed_event (type, at, snapshot, enqueue_at)
         VALUES ('sample.succeeded', 1, '{"status":"succeeded","createdAt":1,"startedAt":1,"finishedAt":1,"failure":null}', ?)`,
        Date.now() - 1, // its lease has run out
      );
      await job.alarm();
    });
    await expect.poll(() => received('lost'), { timeout: 10_000 }).toHaveLength(2);
    await expect
      .poll(() => runInDurableObject(jobStub(id), async (job) => (await job.owedEvents())?.events))
      .toEqual([]);
  });
});
