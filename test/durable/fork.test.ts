/** Forks: what is shared is not computed again, what is not named stays as it was, and the source may go. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { newId } from '../../src/ids.ts';
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
  resultOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { destroy, finished, fork, forked } from '../support/samples.ts';

afterEach(() => spoil({ fault: null }));

const KEPT = { ...SMALL_JOB, keep_trajectory: { every: 1 } };

const tensors = (sample: SampleResponse) =>
  Promise.all(sample.images.map(({ index }) => bytesOf(`/v1/samples/${sample.id}/images/${index}.npy`)));

const keptTensor = (id: string, step: number) => bytesOf(`/v1/samples/${id}/trajectory/${step}/x_t/0.npy`);

describe.each([
  ['ancestral sampling', KEPT],
  ['DDIM with noise', { ...KEPT, sampler: 'ddim', eta: 0.7 }],
])('a fork of %s that changes nothing', (_name, job) => {
  let source: SampleResponse;
  let wanted: Uint8Array[];

  beforeAll(async () => {
    source = await finished(job);
    wanted = await resultOf(source);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('from step %i gives the bytes of its source', async (step) => {
    const before = (await control()).calls;
    const sample = await forked(source.id, { step });
    expect(await resultOf(sample)).toEqual(wanted);
    expect((await control()).calls - before).toBe(8 - step);
    expect(sample).toMatchObject({
      forked_from: { id: source.id, step },
      progress: { step: 8, steps: 8, shared_steps: step, fraction: 1 },
    });
  });
});

it('follows the changes of course that its source was given, before the step and after it', async () => {
  await spoil({ fault: 'hang', after: 2 });
  const { id } = await createSample(KEPT);
  await waitFor(id, ({ progress }) => progress.step === 2);
  const patched = await call(`/v1/samples/${id}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ class: 8, guidance_scale: 6 }),
  });
  expect(patched.status).toBe(200);
  await spoil({ fault: null });
  const source = await waitFor(id, ended);
  const from = source.patches[0]!.from_steps[0]!;
  expect(from).toBeGreaterThan(1);
  for (const step of [from - 1, from + 1]) {
    const same = await forked(id, { step });
    expect(await tensors(same)).toEqual(await tensors(source));
    expect(same.images.map((image) => image.class)).toEqual([8, 8, 8]);
  }
  const other = await forked(id, { step: 6, class: 2 });
  expect(other.images.map((image) => image.class)).toEqual([2, 2, 2]);
  expect(await tensors(other)).not.toEqual(await tensors(source));
});

describe('a fork with something else from there on', () => {
  let source: SampleResponse;
  beforeAll(async () => {
    source = await finished(KEPT);
  });

  it('shares what lies before and differs behind', async () => {
    const sample = await forked(source.id, {
      step: 4,
      class: 5,
      guidance_scale: 8,
      keep_trajectory: { every: 2 },
    });
    expect(await keptTensor(sample.id, 4)).toEqual(await keptTensor(source.id, 4));
    expect(await keptTensor(sample.id, 6)).not.toEqual(await keptTensor(source.id, 6));
    expect(sample.request).toMatchObject({ classes: [5], guidance_scale: 8, seed: 7 });
  });

  it('from x_T is the job that would have been made so', async () => {
    const ddim = await finished({ ...SMALL_JOB, sampler: 'ddim', eta: 0.3 });
    expect(await tensors(await forked(source.id, { step: 0, sampler: 'ddim', eta: 0.3 }))).toEqual(
      await tensors(ddim),
    );
    const fewer = await finished({ ...SMALL_JOB, steps: '5' });
    expect(await tensors(await forked(source.id, { step: 0, steps: 5 }))).toEqual(await tensors(fewer));
    const unclipped = await finished({ ...SMALL_JOB, clip_denoised: false, guidance_scale: 0 });
    const same = await forked(source.id, { step: 0, clip_denoised: false, guidance_scale: 0 });
    expect(await tensors(same)).toEqual(await tensors(unclipped));
  });

  it('takes as many steps as its tail has', async () => {
    const before = (await control()).calls;
    const sample = await forked(source.id, { step: 5, steps: 6 });
    expect((await control()).calls - before).toBe(6);
    expect(sample.progress).toMatchObject({ step: 11, steps: 11, shared_steps: 5 });
    expect(sample.request.timesteps).toHaveLength(11);
    const eight = (await forked(source.id, { step: 5, steps: 3 })).request.timesteps!;
    expect(sample.request.timesteps?.slice(5)).toEqual(eight.slice(2)); // reached, then the shared ones
    expect(sample.receipt?.steps).toMatchObject({ run: 6, shared: 5, not_run: 0 });
  });

  it('with another seed has other noise after the step, and none where DDIM draws none', async () => {
    const other = await forked(source.id, { step: 4, seed: 99 });
    expect(await tensors(other)).not.toEqual(await tensors(source));
    expect(await keptTensor(other.id, 4)).toEqual(await keptTensor(source.id, 4));
    const [a, b] = [
      await forked(source.id, { step: 4, sampler: 'ddim', seed: 1 }),
      await forked(source.id, { step: 4, sampler: 'ddim', seed: 2 }),
    ];
    expect(await tensors(a)).toEqual(await tensors(b));
  });

  it('can be forked again, from its own steps and from where it began', async () => {
    const first = await forked(source.id, { step: 3, class: 8, steps: 4, keep_trajectory: { every: 2 } });
    for (const step of [3, 4, 6]) {
      const second = await forked(first.id, { step });
      expect(await tensors(second)).toEqual(await tensors(first));
      expect(second.forked_from).toEqual({ id: first.id, step });
      expect(second.progress).toMatchObject({ steps: 7, shared_steps: step });
    }
  });

  it('takes a list of scales for the steps of its tail', async () => {
    const scales = [3, 3, 3, 3];
    const listed = await forked(source.id, { step: 4, guidance_scale: { type: 'list', scales } });
    expect(await tensors(listed)).toEqual(
      await tensors(await forked(source.id, { step: 4, guidance_scale: 3 })),
    );
  });
});

describe('the source of a fork', () => {
  it('may still be running, and may be canceled', async () => {
    const wanted = await tensors(await finished(KEPT));
    await spoil({ fault: 'hang', after: 3 });
    const { id } = await createSample(KEPT);
    await waitFor(id, ({ progress }) => progress.step === 3);
    const during = await fork(id, { step: 2 });
    expect((await call(`/v1/samples/${id}/cancel`, { method: 'POST' })).status).toBe(200);
    await spoil({ fault: null });
    expect(await tensors(await waitFor(during.id, ended))).toEqual(wanted);
    expect((await getSample(id)).status).toBe('canceled');
    expect(await tensors(await forked(id, { step: 3 }))).toEqual(wanted);
  });

  it('may have failed', async () => {
    const wanted = await tensors(await finished(KEPT));
    await spoil({ fault: 'unavailable', after: 3 });
    const failed = await waitFor((await createSample(KEPT)).id, ended);
    expect(failed.status).toBe('failed');
    await spoil({ fault: null });
    expect(await tensors(await forked(failed.id, { step: 3 }))).toEqual(wanted);
  });

  it('may go as soon as the fork is accepted, with every object torn down before its first step', async () => {
    const source = await finished(KEPT);
    const wanted = await tensors(source);
    await spoil({ fault: 'hang' });
    const { id } = await fork(source.id, { step: 5 });
    await destroy(batchStub(source.id));
    await abortAllDurableObjects();
    await spoil({ fault: null });
    await runDurableObjectAlarm(batchStub(id));
    const sample = await waitFor(id, ended);
    expect(await tensors(sample)).toEqual(wanted);
    expect((await problemOf(await post(`/v1/samples/${source.id}/fork`, { step: 5 }))).detail).toMatch(
      'none',
    );
  });

  it('that is gone before it was copied fails the fork and says so', async () => {
    const source = await finished(KEPT);
    const { id } = await forked(source.id, { step: 5 });
    const spec = (await jobStub(id).read())!.spec;
    await destroy(batchStub(source.id));
    const late = newId('smp');
    await jobStub(late).create({ ...spec, id: late });
    const sample = await waitFor(late, ended);
    expect(sample).toMatchObject({ status: 'failed', error: { code: 'source_gone' } });
    expect(sample.error?.message).toMatch(`${source.id} does not keep step 5`);
  });
});

describe('is refused', () => {
  it('at a step that is not kept, with those that are', async () => {
    const { id } = await finished({ ...SMALL_JOB, keep_trajectory: { every: 3, what: 'both' } });
    for (const step of [2, 8, 10_000]) {
      const response = await post(`/v1/samples/${id}/fork`, { step });
      expect(response.status).toBe(409);
      expect((await problemOf(response)).detail).toMatch('so far: 0, 3, 6');
    }
  });

  it.each([
    [{ step: -1 }, '/step', 'at least 0'],
    [{}, '/step', 'expected'],
    [{ step: 4, steps: 900 }, '/steps', 'after step 4'],
    [{ step: 4, steps: 'x' }, '/steps', 'whole number'],
    [{ step: 4, eta: 0.5 }, '/eta', 'only the ddim sampler'],
    [{ step: 4, class: 12 }, '/class', 'no class'],
    [{ step: 4, guidance_scale: { type: 'list', scales: [1] } }, '/guidance_scale/scales', '4 steps'],
    [{ step: 4, model: 'mnist-32' }, '/model', 'unknown field'],
  ])('%j', async (body, pointer, detail) => {
    source ??= await finished(KEPT);
    const response = await post(`/v1/samples/${source.id}/fork`, body);
    expect(response.status).toBe(422);
    const problem = await problemOf(response);
    expect(problem.errors?.map((error) => error.pointer)).toEqual([pointer]);
    expect(problem.detail).toMatch(detail);
  });
  let source: SampleResponse | undefined;

  it('when the model is another one now', async () => {
    const { id } = await finished(KEPT);
    await runInDurableObject(jobStub(id), (_job, state) =>
      state.storage.sql.exec("UPDATE job SET spec = json_set(spec, '$.modelDigest', 'sha256:other')"),
    );
    for (const path of ['fork', 'replay']) {
      const response = await post(`/v1/samples/${id}/${path}`, { step: 4 });
      expect([response.status, (await problemOf(response)).type]).toEqual([409, '/problems/model-changed']);
    }
  });
});
