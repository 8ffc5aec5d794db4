/** A run of more images than an answer lists: what its clients get of it, whatever becomes of its batches. */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { drawLabel } from '../../src/core/index.ts';
import type { BatchReport } from '../../src/durable/batch/report.ts';
import { decodePng, gridKey, jobPrefix, npzKey } from '../../src/durable/outputs.ts';
import type { ImagePage, SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { Npz } from '../../src/verify/npz.ts';
import {
  batchStub,
  bytesOf,
  call,
  control,
  createSample,
  ended,
  getSample,
  jobStub,
  post,
  problemOf,
  spoil,
  waitFor,
} from '../support/api.ts';

afterEach(() => spoil({ fault: null }));
// What is tested is that nothing is lost, not what a model makes of the noise.
beforeAll(() => control({ zeros: true }));
afterAll(() => control({ zeros: false }));

/** 27 batches, the last of them smaller. */
const RUN = { model: 'mnist-32', labels: 'random', count: 263, steps: '2', seed: 40 };

let done: SampleResponse;
beforeAll(async () => {
  done = await waitFor((await createSample(RUN)).id, ended, 120_000);
}, 180_000);

async function pageOf(id: string, query = ''): Promise<ImagePage> {
  const response = await call(`/v1/samples/${id}/images${query}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

/** What the job knows of a batch that walks. */
function reportOf(id: string, index: number): Promise<BatchReport> {
  return runInDurableObject(jobStub(id), (_job, { storage }) => {
    const { report } = storage.sql
      .exec<{ report: string }>('SELECT report FROM batch WHERE idx = ? AND report IS NOT NULL', index)
      .one();
    return JSON.parse(report);
  });
}

async function arraysOf(id: string, query = ''): Promise<Npz> {
  return new Npz(await bytesOf(`/v1/samples/${id}/samples.npz${query}`), 'samples.npz');
}

async function isPacked(id: string): Promise<void> {
  await expect.poll(() => env.OUTPUTS.head(npzKey(id)), { timeout: 20_000 }).not.toBeNull();
}

describe('a large run', () => {
  it('is one sample: its progress counts images, its answer lists the first 256', () => {
    expect(done.status).toBe('succeeded');
    expect(done.progress).toMatchObject({ step: 2, fraction: 1, images_ready: 263 });
    expect(done.images).toHaveLength(256);
    expect(done.more_images).toContain(`/v1/samples/${done.id}/images?cursor=`);
    expect(done.request).toMatchObject({ count: 263, labels: 'random', classes: null });
    expect(done.receipt).toMatchObject({
      ...{ batches: 27, images: null, steps: { run: 54, not_run: 0 } },
      images_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(JSON.stringify(done).length).toBeLessThan(150_000);
  });

  it('is of the classes that the seeds of its images draw', async () => {
    const labels = Array.from({ length: 263 }, (_, n) => drawLabel(40 + n, 10));
    expect(done.images.map((image) => image.class)).toEqual(labels.slice(0, 256));
    expect((await arraysOf(done.id)).numbers('arr_1')).toEqual(labels);
  });

  it('draws image n as a sample of its own with its seed and class does', async () => {
    const image = 262;
    const label = drawLabel(40 + image, 10);
    const one = await createSample({ model: 'mnist-32', class: label, steps: '2', seed: 40 + image });
    await waitFor(one.id, ended);
    const expected = decodePng(await bytesOf(`/v1/samples/${one.id}/images/0.png`));
    const drawn = decodePng(await bytesOf(`/v1/samples/${done.id}/images/${image}.png`));
    // Another batch size, so other float32 sums.
    expect(
      Math.max(...drawn.data.map((value, i) => Math.abs(value - expected.data[i]!))),
    ).toBeLessThanOrEqual(1);
  });

  it('gives its images by the page, and each with its digest', async () => {
    const first = await pageOf(done.id, '?limit=200');
    expect(first).toMatchObject({ count: 263, ready: 263 });
    const rest = await pageOf(done.id, `?limit=200&cursor=${first.next_cursor}`);
    expect(rest.next_cursor).toBeNull();
    const all = [...first.data, ...rest.data];
    expect(all.map(({ index }) => index)).toEqual(Array.from({ length: 263 }, (_, i) => i));
    expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(263);
    const joined = Uint8Array.fromHex(all.map(({ sha256 }) => sha256!).join(''));
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', joined));
    expect(digest.toHex()).toBe(done.receipt?.images_sha256);
    const more = await (
      await call(new URL(done.more_images!).pathname + new URL(done.more_images!).search)
    ).json();
    expect((more as ImagePage).data.map(({ index }) => index)).toEqual([256, 257, 258, 259, 260, 261, 262]);
    expect((await call(`/v1/samples/${done.id}/images?cursor=x`)).status).toBe(422);
  });

  it('has arrays of the same bytes before they are packed and afterwards, and parts of them', async () => {
    await isPacked(done.id);
    const path = `/v1/samples/${done.id}/samples.npz`;
    const packed = await call(path);
    const whole = new Uint8Array(await packed.arrayBuffer());
    await runInDurableObject(jobStub(done.id), (_job, { storage }) =>
      storage.sql.exec('UPDATE job SET packed = 0, pack_retry_at = 9e15'),
    );
    const made = await call(path);
    expect(made.headers.get('ETag')).toBe(packed.headers.get('ETag'));
    expect(new Uint8Array(await made.arrayBuffer())).toEqual(whole);
    const part = await call(path, { headers: { Range: 'bytes=5000-25000' } });
    expect(part.status).toBe(206);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.slice(5000, 25_001));
    await runInDurableObject(jobStub(done.id), (_job, { storage }) =>
      storage.sql.exec('UPDATE job SET packed = 1'),
    );
    const images = (await arraysOf(done.id)).array('arr_0');
    expect(images).toMatchObject({ dtype: 'uint8', shape: [263, 32, 32, 1] });
  });

  it('leaves nothing in the objects of its batches, and a sheet of the first images', async () => {
    const left = await Promise.all(
      [0, 13, 26].map((index) =>
        runInDurableObject(batchStub(done.id, index), (_batch, { storage }) => storage.sql.databaseSize),
      ),
    );
    expect(Math.max(...left)).toBeLessThan(20_000);
    expect((await env.OUTPUTS.head(gridKey(done.id)))!.size).toBeGreaterThan(10_000);
  });

  it('does without what its batches do not keep, and says why', async () => {
    for (const field of [{ keep_state: true }, { keep_trajectory: { every: 1 } }, { preview_every: 1 }]) {
      const response = await post('/v1/samples', { ...RUN, ...field });
      expect(response.status).toBe(422);
      expect((await problemOf(response)).errors?.[0]).toMatchObject({
        pointer: `/${Object.keys(field)[0]}`,
        detail: expect.stringContaining('not with more than 256 images'),
      });
    }
    const refusals = await Promise.all([
      post(`/v1/samples/${done.id}/fork`, { step: 1 }),
      post(`/v1/samples/${done.id}/replay`, {}),
      call(`/v1/samples/${done.id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: '{"class":3}',
      }),
    ]);
    for (const response of refusals) {
      expect(response.status).toBe(409);
      expect((await problemOf(response)).detail).toContain('a run of more than 256 images');
    }
  });

  it('goes whole when it is deleted', async () => {
    const { id } = await createSample({ ...RUN, seed: 41 });
    await waitFor(id, (sample) => sample.progress.images_ready > 0);
    expect((await call(`/v1/samples/${id}`, { method: 'DELETE' })).status).toBe(204);
    const left = async () => (await env.OUTPUTS.list({ prefix: jobPrefix(id) })).objects.length;
    await expect
      .poll(
        async () => [
          await left(),
          await runInDurableObject(jobStub(id), (_job, { storage }) => storage.sql.databaseSize < 5_000),
        ],
        { timeout: 20_000 },
      )
      .toEqual([0, true]);
    await scheduler.wait(200);
    expect(await left()).toBe(0);
  });
});

describe('a large run that is under way', () => {
  it('gives what is ready: images by the page, and arrays that say which', async () => {
    const { id } = await createSample({ ...RUN, seed: 60 });
    await waitFor(id, ({ progress }) => progress.images_ready >= 20);
    await spoil({ fault: 'hang' });
    const page = await pageOf(id, '?ready=1&limit=1000');
    expect(page.data.length).toBeGreaterThanOrEqual(20);
    expect(page.data.every(({ url }) => url !== null)).toBe(true);
    const npz = await arraysOf(id, '?ready=1');
    const indices = npz.numbers('indices');
    expect(indices.length).toBeGreaterThanOrEqual(page.data.length);
    expect(npz.numbers('arr_1')).toEqual(indices.map((n) => drawLabel(60 + n, 10)));
    expect(npz.array('arr_0').shape[0]).toBe(indices.length);
    expect((await call(`/v1/samples/${id}/samples.npz`)).status).toBe(404);
    const response = await post(`/v1/samples/${id}/cancel`, {});
    expect(await response.json()).toMatchObject({ status: 'canceled' });
    await spoil({ fault: null });
    await scheduler.wait(200);
    expect((await control()).calls).toBe(0);
    // What was ready stays so.
    expect((await arraysOf(id, '?ready=1')).numbers('indices')).toEqual(indices);
  });

  it('has a batch that fails taken up again alone, and ends in the same bytes', async () => {
    await spoil({ fault: 'reject', after: 30, times: 2 });
    const { id } = await createSample(RUN);
    const sample = await waitFor(id, ended, 60_000);
    expect(sample.status).toBe('succeeded');
    expect(sample.receipt?.images_sha256).toBe(done.receipt?.images_sha256);
  });

  it('goes on without a batch that fails for good, fails in the end, and a resume draws what is missing', async () => {
    // Of 30 calls at least three are second steps and at most 15: some batches are there, the others stand still.
    await spoil({ fault: 'hang', after: 30 });
    const { id } = await createSample(RUN);
    await waitFor(id, ({ progress }) => progress.images_ready > 0);
    // As after its third failure.
    await runInDurableObject(jobStub(id), (_job, { storage }) =>
      storage.sql.exec("UPDATE batch SET failures = 2 WHERE phase <> 'succeeded'"),
    );
    await spoil({ fault: 'reject', times: 1 });
    const failed = await waitFor(id, ended, 60_000);
    expect(failed.status).toBe('failed');
    expect(failed.error).toMatchObject({
      code: 'backend_rejected',
      message: expect.stringMatching(/^1 of 27 batches failed; batch \d+: .*spoiled: reject/),
    });
    expect(failed.progress.images_ready).toBeGreaterThanOrEqual(253);
    await post(`/v1/samples/${id}/resume`, {});
    const sample = await waitFor(id, ({ status }) => status === 'succeeded', 60_000);
    expect(sample.receipt?.images_sha256).toBe(done.receipt?.images_sha256);
    expect(sample.receipt?.steps.run).toBe(54);
  });

  it('that every batch fails does not try them all', async () => {
    await spoil({ fault: 'reject' });
    const { id } = await createSample(RUN);
    const sample = await waitFor(id, ended, 60_000);
    expect(sample).toMatchObject({ status: 'failed', error: { code: 'backend_rejected' } });
    expect(sample.receipt!.steps.run).toBe(0);
    // Each of those that walk three times, and of those that take the places of the first that failed for good.
    expect((await control()).calls).toBeLessThan((16 + 9) * 3);
  });

  it.each(['hears of a batch that has just failed', 'has a batch that stands aside'])(
    'ends though it %s',
    async (what) => {
      await spoil({ fault: 'slow', ms: 200 });
      const { id } = await createSample({ ...RUN, steps: '50' });
      const report = await vi.waitFor(() => reportOf(id, 3), { timeout: 20_000 });
      const finishedAt = Date.now();
      const failure = { code: 'backend_rejected', message: 'it was spoiled' } as const;
      const failed: BatchReport = { ...report, status: 'failed', finishedAt, failure };
      await runInDurableObject(jobStub(id), (_job, { storage }) =>
        storage.sql.exec("UPDATE job SET ending = 'failed', failure = ?", JSON.stringify(failure)),
      );
      // Or it would walk on, into the calls that other tests count.
      await batchStub(id, 3).erase();
      if (what.startsWith('hears')) await jobStub(id).batchReport(3, failed);
      else {
        await runInDurableObject(jobStub(id), (_job, { storage }) =>
          storage.sql.exec("UPDATE batch SET phase = 'aside', retry_at = 0 WHERE idx = 3"),
        );
      }
      await runInDurableObject(jobStub(id), (job) => job.alarm());
      expect(await waitFor(id, ended, 20_000)).toMatchObject({ status: 'failed', error: failure });
    },
  );
});

describe('packing', () => {
  it('goes on where it was when the object dies in it, and begins anew when the upload is gone', async () => {
    const { id } = await createSample({ ...RUN, seed: 70 });
    await waitFor(id, ended, 60_000);
    await isPacked(id);
    const { etag } = (await env.OUTPUTS.head(npzKey(id)))!;
    await env.OUTPUTS.delete(npzKey(id));
    await runInDurableObject(jobStub(id), (_job, { storage }) =>
      storage.sql.exec("UPDATE job SET packed = 0, pack_upload = 'no such upload'"),
    );
    for (let i = 0; i < 3; i++) await runDurableObjectAlarm(jobStub(id));
    await runInDurableObject(jobStub(id), (job) => job.alarm());
    await runInDurableObject(jobStub(id), (job) => job.alarm());
    expect((await env.OUTPUTS.head(npzKey(id)))?.etag).toBe(etag);
    expect((await getSample(id)).outputs.npz).not.toBeNull();
  });
});
