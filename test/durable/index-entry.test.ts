/** The index of samples follows the job, whatever dies in between. */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { SampleJob } from '../../src/durable/sample-job.ts';
import { removeSample, writeSample } from '../../src/store/samples.ts';
import { call, createSample, ended, jobStub, waitFor } from '../support/api.ts';

function statusInIndex(id: string): Promise<string | null> {
  return env.DB.prepare('SELECT status FROM sample WHERE id = ?').bind(id).first<string>('status');
}

/** Lets the job's object reach no database, or the real one again. */
async function cutOff(id: string, broken: boolean): Promise<void> {
  await runInDurableObject(jobStub(id), (job: SampleJob) => {
    const prepare = () => {
      throw new Error('D1 is away');
    };
    Object.assign(job, { env: broken ? { ...env, DB: { prepare } } : env });
  });
}

async function finished(): Promise<string> {
  const { id } = await createSample();
  await waitFor(id, ended);
  await expect.poll(() => statusInIndex(id), { timeout: 10_000 }).toBe('succeeded');
  return id;
}

describe('the index', () => {
  it('is told again when the database was away while the job ended', async () => {
    const { id } = await createSample();
    await cutOff(id, true);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    await runDurableObjectAlarm(jobStub(id));
    expect(await statusInIndex(id)).not.toBe('canceled');
    await cutOff(id, false);
    await runDurableObjectAlarm(jobStub(id));
    expect(await statusInIndex(id)).toBe('canceled');
  });

  it('is told by the next life of an object that died owing', async () => {
    const { id } = await createSample();
    await cutOff(id, true);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    await runDurableObjectAlarm(jobStub(id));
    await abortAllDurableObjects();
    await expect.poll(() => statusInIndex(id), { timeout: 20_000 }).toBe('canceled');
  });

  it('takes no word that comes late, and gets no row back that was removed', async () => {
    const id = await finished();
    const row = {
      ...{ id, account: 'acc_tests', status: 'running', model: 'mnist-32', kind: 'sample', createdAt: 1 },
      ...{
        finishedAt: null,
        expiresAt: null,
        count: 3,
        steps: 8,
        priority: 'normal',
        metadata: {},
        imageSteps: 24,
      },
    };
    await writeSample(env.DB, row, 1, true);
    expect(await statusInIndex(id)).toBe('succeeded');
    await removeSample(env.DB, id);
    await writeSample(env.DB, row, 1_000, false);
    expect(await statusInIndex(id)).toBeNull();
  });

  it('gets the row of a job that it has lost before the job said a word', async () => {
    const { id } = await createSample();
    await runInDurableObject(jobStub(id), (_job, state) => {
      state.storage.sql.exec('UPDATE job SET indexed = NULL');
    });
    await removeSample(env.DB, id);
    await waitFor(id, ended);
    await expect.poll(() => statusInIndex(id), { timeout: 10_000 }).toBe('succeeded');
  });
});
