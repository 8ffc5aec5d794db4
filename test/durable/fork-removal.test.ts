/** Forks against the deletion of their source, in either order: a fork ends in the right bytes or says why it cannot. */
import { runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { ended, jobStub, post, problemOf, resultOf, SMALL_JOB, waitFor } from '../support/api.ts';
import { finished, fork, remove, succeeded, untilNothingIsLeft } from '../support/samples.ts';

/** Two batches, of which one may be copied and the other be gone. */
const KEPT = { ...SMALL_JOB, steps: '4', count: 9, keep_trajectory: { every: 1 } };
/** ms between the two requests. */
const WAITS = [0, 1, 4, 12, 40];

let wanted: Uint8Array[];
beforeAll(async () => {
  wanted = await resultOf(await finished(KEPT));
}, 60_000);

/** Nothing in between: the bytes of the source, a sample that failed and says why, or no sample. */
async function outcomeOf(response: Response): Promise<string> {
  if (response.status !== 202) {
    const { type, detail } = await problemOf(response);
    expect(response.status).toBe(404);
    expect(detail).toContain('no sample');
    return type;
  }
  const { id } = await response.json<SampleResponse>();
  const sample = await waitFor(id, ended);
  if (sample.status === 'succeeded') {
    expect(await resultOf(sample)).toEqual(wanted);
    return 'succeeded';
  }
  expect(sample).toMatchObject({ status: 'failed', error: { code: 'source_gone' } });
  expect(sample.error!.message).toContain('does not keep step 2 (any more)');
  expect(Object.values(sample.outputs)).toEqual([null, null, null, null]);
  return 'source_gone';
}

describe.each(['fork', 'delete'])('the %s first', (first) => {
  it('gives the bytes of the source, or a clear end, at whatever moment the other comes', async () => {
    for (const wait of WAITS) {
      const { id } = await finished(KEPT);
      const calls = [() => post(`/v1/samples/${id}/fork`, { step: 2, keep_state: true }), () => remove(id)];
      if (first === 'delete') calls.reverse();
      const answers = [calls[0]!()];
      await scheduler.wait(wait);
      answers.push(calls[1]!());
      const [forked, removed] = await Promise.all(first === 'delete' ? answers.reverse() : answers);
      expect(removed!.status).toBe(204);
      await outcomeOf(forked!);
      // Once the deletion is answered, so is whoever comes after it.
      expect(await outcomeOf(await post(`/v1/samples/${id}/fork`, { step: 2 }))).toBe(
        '/problems/unknown-sample',
      );
      await untilNothingIsLeft(id, 2);
    }
  });
});

it('begins nothing from a source whose removal is stuck half way', async () => {
  const { id } = await finished(KEPT);
  await runInDurableObject(jobStub(id), async (job) => {
    const broken = { list: () => Promise.reject(new Error('the bucket is away')) };
    const holder = job as unknown as { env: object };
    holder.env = { ...holder.env, OUTPUTS: broken };
    await job.remove();
    await job.alarm();
  });
  expect(await outcomeOf(await post(`/v1/samples/${id}/fork`, { step: 2 }))).toBe('/problems/unknown-sample');
});

it('outlives its source, and the source outlives it', async () => {
  const { id } = await finished(KEPT);
  const [kept, gone] = await Promise.all([fork(id, { step: 1 }), fork(id, { step: 1 })]);
  expect((await remove(gone!.id)).status).toBe(204);
  await untilNothingIsLeft(gone!.id, 2);
  expect(await resultOf(await succeeded(await fork(id, { step: 3 })))).toEqual(wanted);
  expect((await remove(id)).status).toBe(204);
  expect(await resultOf(await succeeded(kept!))).toEqual(wanted);
});
