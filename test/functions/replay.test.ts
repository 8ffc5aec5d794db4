/** Receipts and replays: what a job did is counted right, and doing it again gives the same tensors. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
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
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { destroy, finished, replayed } from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

/** Of a .npy of version 1.0: the values come after the header. */
async function sha256Of(npy: Uint8Array): Promise<string> {
  const header = new DataView(npy.buffer, npy.byteOffset).getUint16(8, true);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', npy.slice(10 + header))).toHex();
}

describe('a receipt', () => {
  it('comes with the end, and names model, request and every final tensor', async () => {
    expect((await createSample()).receipt).toBeNull();
    const sample = await finished();
    const { receipt } = sample;
    expect(receipt).toMatchObject({
      model: { id: 'mnist-32', digest: sample.request.model_digest },
      seed: 7,
      batches: 1,
      steps: { run: 8, shared: 0, not_run: 0 },
      backend: { calls: 8, failed: 0, lost: 0, retries: 0 },
      finished_at: sample.finished_at,
      patches: [],
    });
    for (const { index, sha256 } of receipt!.images!) {
      expect(sha256).toBe(await sha256Of(await bytesOf(`/v1/samples/${sample.id}/images/${index}.npy`)));
    }
    expect(receipt!.step_ms!.p50).toBeLessThanOrEqual(receipt!.step_ms!.p95);
    expect(receipt!.request_digest).toBe((await finished()).receipt!.request_digest);
    expect(receipt!.request_digest).not.toBe(
      (await finished({ ...SMALL_JOB, seed: 8 })).receipt!.request_digest,
    );
  });

  it('counts the bytes that went to the backend and came back', async () => {
    const { receipt } = await finished({ ...SMALL_JOB, guidance_scale: 0 });
    const x = 3 * 32 * 32 * 4; // three images, float32; the answer has the variance too
    expect(receipt!.backend.bytes_sent).toBeGreaterThan(8 * x);
    expect(receipt!.backend.bytes_sent).toBeLessThan(8 * (x + 1_000));
    expect(receipt!.backend.bytes_received).toBeGreaterThan(8 * 2 * x);
    expect(Object.values(receipt!.backend.steps_by_backend)).toEqual([8]);
  });

  it('counts the steps for which the schedule skipped the classifier', async () => {
    const guidance_scale = { type: 'interval', scale: 3, from: 600, to: 200 }; // 571, 428, 285
    const guided = (await finished({ ...SMALL_JOB, guidance_scale })).receipt!;
    expect(guided.steps).toMatchObject({ run: 8, unguided: 5 });
  });

  it('sums over the batches of a job, and survives that the tensors are dropped', async () => {
    const { receipt } = await finished({
      ...SMALL_JOB,
      classes: [1],
      count: 23,
      steps: '4',
      keep_state: false,
    });
    const { calls, failed } = receipt!.backend; // a busy machine may be too late for a call
    expect(receipt).toMatchObject({ batches: 3, steps: { run: 12, not_run: 0 } });
    expect(calls - failed).toBe(12);
    expect(receipt!.images).toHaveLength(23);
  });

  it('counts calls that failed and were tried again', async () => {
    await spoil({ fault: 'unavailable', after: 2, times: 2 });
    const { receipt } = await finished();
    expect(receipt).toMatchObject({
      steps: { run: 8 },
      backend: { failed: 2, retries: 2, lost: 0, calls: 10 },
    });
  });

  it('counts a step once that a crash has had repeated, and the call that was lost', async () => {
    await spoil({ fault: 'hang', after: 3 });
    const { id } = await createSample();
    const deadline = Date.now() + 5_000;
    while ((await control()).calls < 4 && Date.now() < deadline) await scheduler.wait(5);
    await scheduler.wait(50);
    await abortAllDurableObjects();
    await spoil({ fault: null });
    await runDurableObjectAlarm(batchStub(id));
    const { receipt } = await waitFor(id, ended);
    expect(receipt).toMatchObject({ steps: { run: 8, not_run: 0 }, backend: { lost: 1, calls: 9 } });
  });

  it('of a canceled job says how far it came, and has no digests', async () => {
    await spoil({ fault: 'hang', after: 3 });
    const { id } = await createSample();
    await waitFor(id, ({ progress }) => progress.step === 3);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    const { receipt } = await getSample(id);
    expect(receipt).toMatchObject({ images: null, steps: { run: 3, not_run: 5 } });
  });
});

describe('a replay', () => {
  it('of a finished job is equal', async () => {
    const original = await finished({
      ...SMALL_JOB,
      classes: [1, 2],
      count: 12,
      steps: '4',
      keep_state: false,
    });
    const { replay, receipt } = await replayed(original.id);
    expect(replay).toEqual({ of: original.id, equal: true, images: 12, differing: [], notes: [] });
    expect(receipt!.images).toEqual(original.receipt!.images);
  });

  it('of a patched job follows each change from the step at which it came', async () => {
    await spoil({ fault: 'hang', after: 3 });
    const { id } = await createSample();
    await waitFor(id, ({ progress }) => progress.step === 3);
    await call(`/v1/samples/${id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ class: 8 }),
    });
    await spoil({ fault: null });
    const original = await waitFor(id, ended);
    const sample = await replayed(id);
    expect(sample.replay).toMatchObject({ equal: true, images: 3 });
    expect(sample.images.map((image) => image.class)).toEqual([8, 8, 8]);
    expect(original.receipt!.images).not.toEqual((await finished()).receipt!.images);
  });

  it('of a fork needs nothing of what the fork came from', async () => {
    const source = await finished({ ...SMALL_JOB, keep_trajectory: { every: 4 } });
    const response = await post(`/v1/samples/${source.id}/fork`, { step: 4, class: 9, steps: 6 });
    const fork = await waitFor(((await response.json()) as SampleResponse).id, ended);
    await destroy(batchStub(source.id));
    const sample = await replayed(fork.id);
    expect(sample.replay).toMatchObject({ of: fork.id, equal: true });
    expect(sample.forked_from).toEqual({ id: source.id, step: 4 });
    expect((await replayed(sample.id)).replay).toMatchObject({ of: sample.id, equal: true });
  });

  it('names the images that differ', async () => {
    const { id } = await finished();
    await runInDurableObject(jobStub(id), (_job, state) =>
      state.storage.sql.exec("UPDATE batch SET report = json_set(report, '$.receipt.digests[1]', 'other')"),
    );
    expect((await replayed(id)).replay).toMatchObject({ equal: false, differing: [1] });
  });

  it('says when other backends computed it, or no bits were promised', async () => {
    const { id } = await finished({ ...SMALL_JOB, reproducibility: 'fast' });
    await runInDurableObject(jobStub(id), (_job, state) =>
      state.storage.sql.exec(
        "UPDATE batch SET report = json_set(report, '$.receipt.backends', json('{\"gpu-9\": 8}'))",
      ),
    );
    const { notes } = (await replayed(id)).replay!;
    expect(notes.join()).toMatch(/promises no bits.*those of the original by gpu-9/);
  });

  it('is refused for a job that has not succeeded', async () => {
    await spoil({ fault: 'hang', after: 1 });
    const { id } = await createSample();
    const running = await post(`/v1/samples/${id}/replay`, {});
    expect([running.status, (await problemOf(running)).type]).toEqual([409, '/problems/not-replayable']);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    expect((await problemOf(await post(`/v1/samples/${id}/replay`, {}))).detail).toMatch('has canceled');
  });
});
