/** Steps kept on the way: which, when, and that they are the steps that were walked. */
import { abortAllDurableObjects, runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { decodePng } from '../../src/durable/outputs.ts';
import type { TrajectoryResponse } from '../../src/functions/schemas/trajectory.ts';
import {
  batchStub,
  bytesOf,
  call,
  callBare,
  createSample,
  ended,
  post,
  problemOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';

afterEach(() => spoil({ fault: null }));

async function trajectoryOf(id: string): Promise<TrajectoryResponse['steps']> {
  const response = await call(`/v1/samples/${id}/trajectory`);
  expect(response.status).toBe(200);
  return ((await response.json()) as TrajectoryResponse).steps;
}

const tensorAt = (id: string, step: number, what: string, image = 0) =>
  bytesOf(`/v1/samples/${id}/trajectory/${step}/${what}/${image}.npy`);

describe('a kept trajectory', () => {
  it('has x_T, every k-th step and the last, with the timesteps that come next', async () => {
    const { id } = await createSample({ ...SMALL_JOB, keep_trajectory: { every: 3, what: 'both' } });
    const sample = await waitFor(id, ended);
    expect(sample.request.keep_trajectory).toEqual({ every: 3, what: 'both' });
    const steps = await trajectoryOf(id);
    expect(steps.map(({ step, timestep }) => [step, timestep])).toEqual([
      [0, 999],
      [3, 571],
      [6, 143],
      [8, null],
    ]);
    expect(steps.every(({ complete }) => complete)).toBe(true);
    expect(steps[0]).toMatchObject({ x_start: null });
    const link = new URL(steps[1]?.x_start?.[2] ?? '');
    expect(link.origin + link.pathname).toBe(
      `https://cairn.test/v1/samples/${id}/trajectory/3/x_start/2.png`,
    );
    const unsigned = await callBare(link.pathname);
    expect(unsigned.status).toBe(401);
    await unsigned.body?.cancel();
    const opened = await callBare(link.pathname + link.search);
    expect(opened.status).toBe(200);
    await opened.body?.cancel();
  });

  it('ends in the final tensor, and its last predicted x_start is the image', async () => {
    const { id } = await createSample({ ...SMALL_JOB, keep_trajectory: { every: 4, what: 'both' } });
    await waitFor(id, ended);
    const final = await bytesOf(`/v1/samples/${id}/images/1.npy`);
    expect(await tensorAt(id, 8, 'x_t', 1)).toEqual(final);
    const png = decodePng(await bytesOf(`/v1/samples/${id}/trajectory/8/x_t/1.png`));
    expect(png.data).toEqual(decodePng(await bytesOf(`/v1/samples/${id}/images/1.png`)).data);
    expect(await tensorAt(id, 0, 'x_t', 1)).not.toEqual(await tensorAt(id, 4, 'x_t', 1));
  });

  it('can be looked at while the job runs, and stays when its state is dropped', async () => {
    await spoil({ fault: 'hang', after: 4 });
    const { id } = await createSample({ ...SMALL_JOB, keep_state: false, keep_trajectory: { every: 2 } });
    await waitFor(id, ({ progress }) => progress.step === 4);
    const during = await tensorAt(id, 2, 'x_t');
    expect((await trajectoryOf(id)).map(({ step }) => step)).toEqual([0, 2, 4]);
    await spoil({ fault: null });
    await waitFor(id, ended);
    expect(await tensorAt(id, 2, 'x_t')).toEqual(during);
    expect((await trajectoryOf(id)).map(({ step }) => step)).toEqual([0, 2, 4, 6, 8]);
  });

  it('is the same when the object is torn down between two steps', async () => {
    const job = { ...SMALL_JOB, keep_trajectory: { every: 1, what: 'both' } };
    const whole = await waitFor((await createSample(job)).id, ended);
    await spoil({ fault: 'hang', after: 3 });
    const { id } = await createSample(job);
    await waitFor(id, ({ progress }) => progress.step === 3);
    await abortAllDurableObjects();
    await spoil({ fault: null });
    await runDurableObjectAlarm(batchStub(id));
    await waitFor(id, ended);
    for (let step = 0; step <= 8; step++) {
      expect(await tensorAt(id, step, 'x_t')).toEqual(await tensorAt(whole.id, step, 'x_t'));
      if (step > 0)
        expect(await tensorAt(id, step, 'x_start')).toEqual(await tensorAt(whole.id, step, 'x_start'));
    }
  });

  it('of predictions alone begins with the first prediction', async () => {
    const { id } = await createSample({ ...SMALL_JOB, keep_trajectory: { every: 4, what: 'x_start' } });
    await waitFor(id, ended);
    expect((await trajectoryOf(id)).map(({ step, x_t }) => [step, x_t])).toEqual([
      [4, null],
      [8, null],
    ]);
    expect((await call(`/v1/samples/${id}/trajectory/4/x_t/0.npy`)).status).toBe(404);
  });
});

it('changes no byte of the images', async () => {
  const plain = await waitFor((await createSample()).id, ended);
  const kept = await waitFor(
    (await createSample({ ...SMALL_JOB, keep_trajectory: { every: 1, what: 'both' } })).id,
    ended,
  );
  for (const image of ['images/0.npy', 'images/2.png']) {
    expect(await bytesOf(`/v1/samples/${kept.id}/${image}`)).toEqual(
      await bytesOf(`/v1/samples/${plain.id}/${image}`),
    );
  }
});

it('of a job that keeps none is empty, and what is not kept is not found', async () => {
  const { id } = await createSample();
  expect(await trajectoryOf(id)).toEqual([]);
  for (const path of ['3/x_t/0.png', '3/x_t/0.jpg', '3/x/0.png', '99999999/x_t/0.png', '3/x_t/900.npy']) {
    expect((await call(`/v1/samples/${id}/trajectory/${path}`)).status).toBe(404);
  }
});

it.each([
  [{ every: 0 }, '/keep_trajectory/every'],
  [{ every: 2, what: 'eps' }, '/keep_trajectory/what'],
  [{}, '/keep_trajectory/every'],
])('%j is refused with its place', async (keep_trajectory, pointer) => {
  const response = await post('/v1/samples', { ...SMALL_JOB, keep_trajectory });
  expect(response.status).toBe(422);
  expect((await problemOf(response)).errors?.map((error) => error.pointer)).toEqual([pointer]);
});
