/** A sample goes whole, whoever dies in the middle of it, and whatever else happens to it at that moment. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { imageKey } from '../../src/durable/outputs.ts';
import { removeObjects } from '../../src/durable/removal.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import {
  call,
  callBare,
  control,
  createSample,
  ended,
  getSample,
  jobStub,
  post,
  problemOf,
  resultOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import {
  changeAndDie,
  destroy,
  finished,
  keysOf,
  leftOf,
  nothing,
  remove,
  untilNothingIsLeft,
} from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

const JOB = { ...SMALL_JOB, steps: '2' };

/** Lets time pass for one job. */
function expire(id: string): Promise<void> {
  return runInDurableObject(jobStub(id), (_job, state) => {
    state.storage.sql.exec('UPDATE job SET expires_at = ?', Date.now() - 1);
  });
}

describe('delete', () => {
  it('takes pictures, tensors, rows and objects, and every link to them', async () => {
    const sample = await finished({ ...JOB, classes: [1, 2], count: 11 });
    expect(await keysOf(sample.id)).toHaveLength(12);
    const response = await remove(sample.id);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    const urls = [sample.urls.self, ...Object.values(sample.outputs), sample.images[0]!.url];
    for (const url of urls.filter((there) => there !== null)) {
      const { pathname, search } = new URL(url);
      expect((await call(pathname)).status).toBe(404); // at once, with the key
      if (search !== '') expect((await callBare(pathname + search)).status).toBe(404); // and with the signature
    }
    await untilNothingIsLeft(sample.id, 2);
  });

  it('takes it out of the list', async () => {
    const { id } = await finished(JOB);
    const listed = async () => JSON.stringify(await (await call('/v1/samples?limit=100')).json());
    expect(await listed()).toContain(id);
    await remove(id);
    await untilNothingIsLeft(id);
    expect(await listed()).not.toContain(id);
  });

  it('stops a sample that runs, although its backend hangs, and nothing of it comes back', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, ({ progress }) => progress.step === 2);
    expect((await remove(id)).status).toBe(204);
    await untilNothingIsLeft(id);
    await spoil({ fault: null });
    await scheduler.wait(300);
    expect((await control()).calls).toBe(0);
    expect(await leftOf(id)).toEqual(nothing());
  });

  it('is for the owner, and once', async () => {
    const { id } = await finished(JOB);
    const stranger = await callBare(`/v1/samples/${id}`, {
      method: 'DELETE',
      headers: { Authorization: 'Bearer cairn_nobody' },
    });
    expect(stranger.status).toBe(401);
    expect((await remove('smp_00000000000000000000000000')).status).toBe(404);
    expect((await remove(id)).status).toBe(204);
    const again = await remove(id);
    expect(again.status).toBe(404);
    expect((await problemOf(again)).type).toBe('/problems/unknown-sample');
  });

  it('is finished by the alarm when the objects die in the middle of it', async () => {
    const { id } = await finished({ ...JOB, count: 11 });
    // The bucket is away: the removal gets as far as the batches, and dies there.
    await runInDurableObject(jobStub(id), async (job, state) => {
      const broken = { list: () => Promise.reject(new Error('the bucket is away')) };
      const holder = job as unknown as { env: object };
      holder.env = { ...holder.env, OUTPUTS: broken };
      await job.remove();
      await job.alarm();
      expect(await state.storage.getAlarm()).not.toBeNull();
    });
    expect(await leftOf(id, 2)).toMatchObject({ rows: 0, batches: [0, 0] });
    expect(await keysOf(id)).toHaveLength(12);
    expect((await call(`/v1/samples/${id}`)).status).toBe(404);
    await abortAllDurableObjects();
    await runDurableObjectAlarm(jobStub(id));
    await untilNothingIsLeft(id, 2);
  });

  it('is finished when it dies after every step', async () => {
    for (const step of ['DB', 'BATCHES', 'OUTPUTS'] as const) {
      const { id } = await finished(JOB);
      await changeAndDie(jobStub(id), async (_storage, job) => {
        const holder = job as unknown as { env: Record<string, unknown> };
        holder.env = { ...holder.env, [step]: null };
        await job.remove();
        await job.alarm();
      });
      await runDurableObjectAlarm(jobStub(id));
      await untilNothingIsLeft(id);
    }
  });

  it('may come at any moment of a job, together with anything else', async () => {
    for (let wait = 0; wait < 90; wait += 15) {
      const { id } = await createSample({ ...SMALL_JOB, count: 11, steps: '4' });
      await scheduler.wait(wait);
      const others = ['pause', 'resume', 'cancel'].map((verb) => post(`/v1/samples/${id}/${verb}`, {}));
      const answers = await Promise.all([remove(id), ...others, remove(id)]);
      for (const { status } of answers) expect([200, 204, 404, 409]).toContain(status);
      await untilNothingIsLeft(id, 2);
    }
  });

  it('takes a batch along that was told to begin when its job was gone already', async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: '20' });
    await destroy(jobStub(id));
    await env.DB.prepare('DELETE FROM sample WHERE id = ?').bind(id).run();
    await untilNothingIsLeft(id);
  });
});

describe('the bucket', () => {
  it('is emptied page by page, and beyond the prefix nothing is touched', async () => {
    const prefix = 'samples/smp_pages/';
    for (let i = 0; i < 7; i++) await env.OUTPUTS.put(`${prefix}images/${i}.png`, 'x');
    await env.OUTPUTS.put('samples/smp_pages2/images/0.png', 'x');
    await removeObjects(env.OUTPUTS, prefix, { perCall: 3 });
    const left = await env.OUTPUTS.list({ prefix: 'samples/smp_pages' });
    expect(left.objects.map(({ key }) => key)).toEqual(['samples/smp_pages2/images/0.png']);
    await removeObjects(env.OUTPUTS, prefix, { perCall: 3 }); // again: nothing to do
  });
});

describe('retention', () => {
  const secondsLeft = ({ expires_at }: SampleResponse) => (Date.parse(expires_at!) - Date.now()) / 1000;
  const keep = (id: string, body: object) => post(`/v1/samples/${id}/retention`, body);

  it('begins at the end: seven days, or what the request says', async () => {
    const running = await createSample(JOB);
    expect(running).toMatchObject({ expires_at: null, request: { retention_seconds: 7 * 86_400 } });
    const sample = await waitFor(running.id, ended);
    expect(Date.parse(sample.expires_at!) - Date.parse(sample.finished_at!)).toBe(7 * 86_400_000);
    const short = await finished({ ...JOB, retention_seconds: 600 });
    expect(Date.parse(short.expires_at!) - Date.parse(short.finished_at!)).toBe(600_000);
  });

  it('caps the links: none outlives what it leads to', async () => {
    const sample = await finished({ ...JOB, retention_seconds: 600 });
    for (const url of [sample.grid!, sample.outputs.npz!, sample.images[0]!.url!]) {
      const expires = Number(new URL(url).searchParams.get('expires')) * 1000;
      expect(expires).toBeLessThanOrEqual(Date.parse(sample.expires_at!));
    }
  });

  it('can be extended, never shortened, and not beyond the limit', async () => {
    const sample = await finished({ ...JOB, retention_seconds: 600 });
    const longer = await keep(sample.id, { retention_seconds: 86_400 });
    expect(longer.status).toBe(200);
    expect(secondsLeft(await longer.json())).toBeGreaterThan(86_390);
    await keep(sample.id, { retention_seconds: 60 });
    expect(secondsLeft(await getSample(sample.id))).toBeGreaterThan(86_000);
    const refused: [object, string][] = [
      [{ retention_seconds: 91 * 86_400 }, 'limit-exceeded'],
      [{ retention_seconds: 59 }, 'invalid-request'],
      [{}, 'invalid-request'],
      [{ retention_seconds: 60, days: 1 }, 'invalid-request'],
    ];
    for (const [body, type] of refused) {
      const response = await keep(sample.id, body);
      expect(response.status).toBe(422);
      expect((await problemOf(response)).type).toBe(`/problems/${type}`);
    }
    const created = await post('/v1/samples', { ...JOB, retention_seconds: 91 * 86_400 });
    expect((await problemOf(created)).errors?.map(({ pointer }) => pointer)).toEqual(['/retention_seconds']);
  });

  it('can be extended while the sample runs: then it counts from the end', async () => {
    await spoil({ fault: 'hang', after: 1 });
    const { id } = await createSample({ ...JOB, retention_seconds: 60 });
    const answer: SampleResponse = await (await keep(id, { retention_seconds: 3_600 })).json();
    expect(answer).toMatchObject({ expires_at: null, request: { retention_seconds: 3_600 } });
    await spoil({ fault: null });
    const sample = await waitFor(id, ended);
    expect(Date.parse(sample.expires_at!) - Date.parse(sample.finished_at!)).toBe(3_600_000);
  });

  it('ends with the deletion of everything, by the alarm alone', async () => {
    const { id } = await finished(JOB);
    const alarm = await runInDurableObject(jobStub(id), async (_job, state) => ({
      at: await state.storage.getAlarm(),
      expires: state.storage.sql.exec<{ at: number }>('SELECT expires_at AS at FROM job').one().at,
    }));
    expect(alarm.at).not.toBeNull();
    expect(alarm.at!).toBeLessThanOrEqual(alarm.expires);
    await expire(id);
    expect((await call(`/v1/samples/${id}`)).status).toBe(404); // not a moment longer, whenever the alarm comes
    expect((await keep(id, { retention_seconds: 3_600 })).status).toBe(404); // too late
    await runDurableObjectAlarm(jobStub(id));
    await untilNothingIsLeft(id);
  });

  it('is taken back when a failed sample is resumed', async () => {
    await spoil({ fault: 'reject', after: 1 });
    const { id } = await createSample({ ...JOB, steps: '4' });
    const failed = await waitFor(id, ended);
    expect(failed.status).toBe('failed');
    expect(failed.expires_at).not.toBeNull();
    await spoil({ fault: null });
    const resumed: SampleResponse = await (await post(`/v1/samples/${id}/resume`, {})).json();
    expect(resumed.expires_at).toBeNull();
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('succeeded');
    expect((await resultOf(sample)).length).toBe(7);
    expect(await env.OUTPUTS.head(imageKey(id, 0))).not.toBeNull();
  });
});
