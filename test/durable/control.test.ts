/** What a client can do to a job while it walks, and that none of it can break the walk. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { BatchStore } from '../../src/durable/batch/batch-store.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import {
  batchStub,
  call,
  control,
  createSample,
  ended,
  getSample,
  jobStub,
  problemOf,
  resultOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { finished } from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

async function act(id: string, verb: 'pause' | 'resume' | 'cancel'): Promise<SampleResponse> {
  const response = await call(`/v1/samples/${id}/${verb}`, { method: 'POST' });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

function patch(id: string, body: object): Promise<Response> {
  return call(`/v1/samples/${id}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Begins a job whose call of this step hangs; the steps before it are committed. */
async function heldAt(step: number, body: object = SMALL_JOB): Promise<string> {
  await spoil({ fault: 'hang', after: step });
  const { id } = await createSample(body);
  await expect.poll(async () => (await control()).calls, { timeout: 10_000 }).toBe(step + 1);
  await expect.poll(() => committed(id), { timeout: 10_000 }).toBe(step);
  return id;
}

function committed(id: string): Promise<number | undefined> {
  return runInDurableObject(batchStub(id), (_batch, state) => new BatchStore(state.storage).read()?.step);
}

describe('pause', () => {
  it('stands still within one step although the backend hangs, and resumes to the same bytes', async () => {
    const undisturbed = await resultOf(await finished(SMALL_JOB));
    const id = await heldAt(3);
    expect((await act(id, 'pause')).status).toBe('paused');
    await spoil({ fault: null });
    await scheduler.wait(300);
    expect((await control()).calls).toBe(0);
    expect(await getSample(id)).toMatchObject({ status: 'paused', progress: { step: 3 } });
    await act(id, 'resume');
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('succeeded');
    expect(await resultOf(sample)).toEqual(undisturbed);
  });

  it('outlives the death of every object', async () => {
    const id = await heldAt(2);
    await act(id, 'pause');
    await abortAllDurableObjects();
    await spoil({ fault: null });
    await runDurableObjectAlarm(batchStub(id));
    await runDurableObjectAlarm(jobStub(id));
    await scheduler.wait(200);
    expect(await getSample(id)).toMatchObject({ status: 'paused', progress: { step: 2 } });
    await act(id, 'resume');
    expect((await waitFor(id, ended)).status).toBe('succeeded');
  });

  it('takes pauses and resumes in any number', async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: '20' });
    for (let i = 0; i < 8; i++) {
      await Promise.all([act(id, 'pause'), act(id, 'pause')]);
      await scheduler.wait(15 * (i % 3));
      await Promise.all([act(id, 'resume'), act(id, 'resume')]);
      await scheduler.wait(10);
    }
    const sample = await waitFor(id, ended);
    const undisturbed = await resultOf(await finished({ ...SMALL_JOB, steps: '20' }));
    expect(await resultOf(sample)).toEqual(undisturbed);
  });

  it('can be cancelled, and a finished job stays finished', async () => {
    const id = await heldAt(1);
    await act(id, 'pause');
    expect((await act(id, 'cancel')).status).toBe('canceled');
    expect((await act(id, 'pause')).status).toBe('canceled');
  });
});

describe('resume', () => {
  it('takes a failed job up at its last good step, to the bytes of one that never failed', async () => {
    const undisturbed = await resultOf(await finished(SMALL_JOB));
    await spoil({ fault: 'reject', after: 4 });
    const { id } = await createSample(SMALL_JOB);
    const failed = await waitFor(id, ended);
    expect(failed).toMatchObject({
      ...{ status: 'failed', error: { code: 'backend_rejected' } },
      progress: { step: 4 },
    });
    await spoil({ fault: 'hang' });
    const resumed = await act(id, 'resume');
    expect(resumed).toMatchObject({ error: null, finished_at: null, progress: { step: 4 } });
    expect(resumed.progress.fraction).toBe(failed.progress.fraction);
    await scheduler.wait(200); // it has been told to go on by now
    expect((await getSample(id)).progress.step).toBe(4);
    await spoil({ fault: null });
    const sample = await waitFor(id, ended);
    expect(sample.status).toBe('succeeded');
    expect((await control()).calls).toBe(4);
    expect(await resultOf(sample)).toEqual(undisturbed);
  });

  it('takes up every batch, those that were stopped for the fault of another too', async () => {
    const body = { ...SMALL_JOB, classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], count: 11 };
    const undisturbed = await resultOf(await finished(body));
    await spoil({ fault: 'reject', after: 5, times: 1 });
    const { id } = await createSample(body);
    expect((await waitFor(id, ended)).status).toBe('failed');
    await act(id, 'resume');
    const sample = await waitFor(id, ended);
    expect(sample).toMatchObject({ status: 'succeeded', error: null });
    expect(await resultOf(sample)).toEqual(undisturbed);
  });

  it('is refused for a job that succeeded or was cancelled', async () => {
    const { id } = await finished({ ...SMALL_JOB, steps: 2 });
    const response = await call(`/v1/samples/${id}/resume`, { method: 'POST' });
    expect(response.status).toBe(409);
    expect((await problemOf(response)).detail).toContain('succeeded');
  });
});

describe('patch', () => {
  it('changes class and guidance from a recorded step on, and no step before it', async () => {
    const id = await heldAt(3);
    const response = await patch(id, { class: 8, guidance_scale: 6 });
    expect(response.status).toBe(200);
    await spoil({ fault: null });
    const sample = await waitFor(id, ended);
    expect(sample.patches).toMatchObject([{ guidance_scale: 6, classes: [8], from_steps: [5] }]);
    expect(sample.images.map((image) => image.class)).toEqual([8, 8, 8]);

    const scales = [4, 4, 4, 4, 4, 0, 0, 0];
    const before = await finished({ ...SMALL_JOB, guidance_scale: { type: 'list', scales } });
    expect(await resultOf(sample)).not.toEqual(await resultOf(before));
  });

  it('holds from the same step when the object dies after it was recorded', async () => {
    const results = [];
    for (const die of [false, true]) {
      const id = await heldAt(3);
      await patch(id, { class: 8 });
      if (die) await abortAllDurableObjects();
      await spoil({ fault: null });
      if (die) await runDurableObjectAlarm(batchStub(id));
      const sample = await waitFor(id, ended);
      expect(sample.patches[0]?.from_steps).toEqual([5]);
      results.push(await resultOf(sample));
    }
    expect(results[0]).toEqual(results[1]);
  });

  it('gives what a job would have given that was made so, when it holds from the first step', async () => {
    const wanted = await resultOf(
      await finished({ ...SMALL_JOB, classes: [5], count: 3, guidance_scale: 2 }),
    );
    const id = await heldAt(0);
    await act(id, 'pause');
    await patch(id, { class: 5, guidance_scale: 2 });
    await spoil({ fault: null });
    await act(id, 'resume');
    const sample = await waitFor(id, ended);
    expect(sample.patches[0]?.from_steps).toEqual([0]);
    // The last one is the contact sheet, whose columns follow the classes that were asked for at first.
    expect((await resultOf(sample)).slice(0, -1)).toEqual(wanted.slice(0, -1));
  });

  it('is refused when there is nothing in it, when the class is none, and when the job is over', async () => {
    const id = await heldAt(1);
    expect((await patch(id, {})).status).toBe(422);
    expect((await problemOf(await patch(id, { class: 11 }))).type).toBe('/problems/class-out-of-range');
    await act(id, 'cancel');
    expect((await patch(id, { class: 1 })).status).toBe(409);
  });
});

it('a job that has not finished by its deadline fails and says so', async () => {
  const id = await heldAt(2, { ...SMALL_JOB, deadline_seconds: 1 });
  const sample = await waitFor(id, ended);
  expect(sample).toMatchObject({ status: 'failed', error: { code: 'deadline_exceeded' } });
});

describe('a job that lost its alarm', () => {
  const alarmOf = (id: string) => runInDurableObject(jobStub(id), (_job, { storage }) => storage.getAlarm());

  it.each([
    ['whoever looks at it', (id: string) => getSample(id)],
    ["its account's queue, which asks", (id: string) => jobStub(id).keepsTurn(1)],
  ])('is set going by %s', async (_, look) => {
    const { id } = await finished({ ...SMALL_JOB, steps: 2 });
    // Nothing is left to do now: the next alarm is for what may go wrong, or for its removal.
    const isIdle = async () => ((await alarmOf(id)) ?? 0) > Date.now() + 30_000;
    await expect.poll(isIdle, { timeout: 10_000 }).toBe(true);
    await runInDurableObject(jobStub(id), (_job, { storage }) => storage.deleteAlarm());
    await look(id);
    expect(await isIdle()).toBe(true);
  });
});
