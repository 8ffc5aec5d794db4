/**
 * The walk can be ended at any step, by anything, and goes on to the same bytes. `test/system` does the same to whole
 * processes; here every step index gets its turn.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BatchStore } from '../../src/durable/batch/batch-store.ts';
import {
  batchStub,
  control,
  createSample,
  ended,
  resultOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';

const STEPS = 8;

function committedStep(id: string): Promise<number | undefined> {
  return runInDurableObject(batchStub(id), (_batch, state) => {
    const store = new BatchStore(state.storage);
    return store.exists() ? store.read()?.step : undefined;
  });
}

/** Waits until exactly this step is committed and the next call hangs. */
async function untilStep(id: string, step: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  while ((await committedStep(id)) !== step || (await control()).calls < step + 1) {
    if (Date.now() > deadline) throw new Error(`step ${await committedStep(id)}, expected ${step}`);
    await scheduler.wait(5);
  }
}

describe.each([
  ['ancestral sampling', SMALL_JOB],
  ['DDIM with noise', { ...SMALL_JOB, sampler: 'ddim', eta: 0.7 }],
])('%s', (_name, job) => {
  let undisturbed: Uint8Array[];

  beforeAll(async () => {
    const { id } = await createSample(job);
    undisturbed = await resultOf(await waitFor(id, ended));
  });

  afterEach(() => spoil({ fault: null }));

  it.each(Array.from({ length: STEPS }, (_, step) => step))(
    'resumes to the same bytes when every object is torn down after step %i',
    async (step) => {
      await spoil({ fault: 'hang', after: step });
      const { id } = await createSample(job);
      await untilStep(id, step);
      await abortAllDurableObjects();
      await spoil({ fault: null });
      await runDurableObjectAlarm(batchStub(id));
      const sample = await waitFor(id, ended);
      expect(sample.status).toBe('succeeded');
      expect(await resultOf(sample)).toEqual(undisturbed);
    },
  );

  it('runs to the same bytes when every alarm may take one step and the object is evicted after each', async () => {
    await spoil({ fault: 'hang' });
    const { id } = await createSample(job);
    await untilStep(id, 0);
    await abortAllDurableObjects();
    await spoil({ fault: null });
    for (let evictions = 0; evictions < 200; evictions++) {
      const over = await runInDurableObject(batchStub(id), async (batch, state) => {
        const store = new BatchStore(state.storage);
        await state.storage.setAlarm(Date.now() + 60_000); // this test alone runs the alarm
        if (store.read()!.status === 'succeeded') return true;
        (batch as unknown as { env: object }).env = {
          ...(batch as unknown as { env: object }).env,
          STEPS_PER_ALARM: '1',
        };
        await batch.alarm();
        return false;
      });
      if (over) break;
      await evictDurableObject(batchStub(id));
    }
    const sample = await waitFor(id, ended);
    expect(await resultOf(sample)).toEqual(undisturbed);
  });

  it('walks once when alarms repeat and overlap', async () => {
    const { id } = await createSample(job);
    await runInDurableObject(batchStub(id), async (batch) => {
      for (let i = 0; i < 20; i++) {
        await Promise.all([batch.alarm(), batch.alarm()]);
        await scheduler.wait(1);
      }
    });
    const sample = await waitFor(id, ended);
    expect(await resultOf(sample)).toEqual(undisturbed);
    const steps = await runInDurableObject(batchStub(id), (_batch, state) =>
      state.storage.sql.exec("SELECT data FROM event WHERE kind = 'step' ORDER BY seq").toArray(),
    );
    expect(steps.map((event) => JSON.parse(String(event.data)).step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await runInDurableObject(batchStub(id), (batch) => batch.alarm()); // long after the end
    expect(await resultOf(sample)).toEqual(undisturbed);
  });
});
