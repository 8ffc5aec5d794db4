import { runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { BatchStore } from '../../src/durable/batch/batch-store.ts';
import { MAX_STRIKES } from '../../src/durable/batch/retry.ts';
import {
  batchStub,
  control,
  createSample,
  ended,
  jobStub,
  post,
  resultOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { changeAndDie } from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

describe('a backend in trouble', () => {
  it.each(['unavailable', 'nan', 'reset', 'hang'] as const)(
    'that answers "%s" for a while costs time and no pixel',
    async (fault) => {
      const calm = await waitFor((await createSample()).id, ended);
      await spoil({ fault, after: 3, times: 2 });
      const { id } = await createSample();
      if (fault === 'hang') await waitFor(id, (sample) => sample.status === 'retrying');
      const sample = await waitFor(id, ended);
      expect(sample.status).toBe('succeeded');
      expect(await resultOf(sample)).toEqual(await resultOf(calm));
    },
  );

  it('that stays down fails the job past the deadline, with the reason and the last error', async () => {
    await spoil({ fault: 'unavailable' });
    const { id } = await createSample();
    const trying = await waitFor(id, (sample) => sample.status === 'retrying');
    expect(trying.retry).toMatchObject({ message: expect.stringContaining('spoiled') });
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('failed');
    expect(sample.error?.code).toBe('backend_deadline');
    expect(sample.error?.message).toMatch(/nothing succeeded for \d+ s; last error: .*spoiled: unavailable/);
  });

  it('that refuses the request fails the job at once: it would refuse it again', async () => {
    await spoil({ fault: 'reject', after: 2 });
    const { id } = await createSample();
    const sample = await waitFor(id, ended);
    expect(sample.error).toMatchObject({
      code: 'backend_rejected',
      message: expect.stringContaining('spoiled: reject'),
    });
    expect(sample.progress.step).toBeLessThan(8);
    expect((await control()).calls).toBe(3);
  });

  it('that fails one batch ends the other batches of the job too', async () => {
    await spoil({ fault: 'reject', after: 5 });
    const { id } = await createSample({ ...SMALL_JOB, count: 25 });
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('failed');
    const { calls } = await control();
    await scheduler.wait(100);
    expect((await control()).calls).toBe(calls);
  });
});

describe('cancel', () => {
  it('takes effect with the backend hanging, and no step follows', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, (sample) => sample.progress.step === 2);
    const response = await post(`/v1/samples/${id}/cancel`, {});
    expect(await response.json()).toMatchObject({ id, status: 'canceled' });
    await spoil({ fault: null });
    await scheduler.wait(100);
    expect((await control()).calls).toBe(0);
    expect((await waitFor(id, ended)).status).toBe('canceled');
  });

  it('is idempotent, and too late for a finished job', async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: 2 });
    await waitFor(id, ended);
    for (let i = 0; i < 2; i++) {
      const response = await post(`/v1/samples/${id}/cancel`, {});
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ status: 'succeeded' });
    }
  });

  it('works before the first step', async () => {
    const { id } = await createSample();
    await post(`/v1/samples/${id}/cancel`, {});
    const sample = await waitFor(id, ended);
    expect(['canceled', 'succeeded']).toContain(sample.status);
    expect(sample.status).toBe('canceled');
  });
});

describe('a poison step', () => {
  it('that ends its process every time becomes a failed job', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, (sample) => sample.progress.step === 2);
    // What is left after a process has died in the same step again and again: strikes, and no commit.
    await changeAndDie(batchStub(id), (storage) => {
      const store = new BatchStore(storage);
      for (let i = 0; i <= MAX_STRIKES; i++) store.strike(Date.now());
    });
    await runInDurableObject(batchStub(id), (batch) => batch.alarm());
    const sample = await waitFor(id, ended);
    expect(sample.error).toMatchObject({
      code: 'poison_step',
      message: expect.stringMatching(/step 3 ended its process/),
    });
  });

  it('of our own making is tried three times', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, (sample) => sample.progress.step === 2);
    // A state no sampler can go on from.
    await changeAndDie(batchStub(id), (storage) => {
      storage.sql.exec(
        `UPDATE batch SET sampler = '{"version":1,"sampler":"no such sampler","t":5,"step":2,"done":false}'`,
      );
    });
    await spoil({ fault: null });
    await runInDurableObject(batchStub(id), (batch) => batch.alarm());
    const sample = await waitFor(id, ended);
    expect(sample.error).toMatchObject({
      code: 'internal_error',
      message: expect.stringContaining('three times'),
    });
  });
});

describe('a bucket that has lost an image', () => {
  it('ends the job past the deadline instead of trying for ever', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, (sample) => sample.progress.step === 2);
    // The job counts on one image more than its batch will ever write.
    await runInDurableObject(jobStub(id), (_job, state) => {
      state.storage.sql.exec("UPDATE job SET spec = json_set(spec, '$.count', 4)");
    });
    await spoil({ fault: null });
    const sample = await waitFor(id, ended);
    expect(sample.error).toMatchObject({
      code: 'output_deadline',
      message: expect.stringContaining('image 3 is missing'),
    });
  });
});

describe('another model under the same name', () => {
  it('does not continue a job that began with the first', async () => {
    await spoil({ fault: 'hang', after: 2 });
    const { id } = await createSample();
    await waitFor(id, (sample) => sample.progress.step === 2);
    await changeAndDie(batchStub(id), (storage) => {
      storage.sql.exec(`UPDATE batch SET spec = json_set(spec, '$.job.modelDigest', 'sha256:other')`);
    });
    await spoil({ fault: null });
    await runInDurableObject(batchStub(id), (batch) => batch.alarm());
    expect((await waitFor(id, ended)).error).toMatchObject({ code: 'model_changed' });
  });
});
