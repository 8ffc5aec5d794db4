/** Times the steps of whole jobs: accepted by the API, walked by the batch object, read from its own events. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CairnClient } from '../client/index.ts';
import type { Sample } from './interleave.ts';
import type { LocalWorker } from './local-worker.ts';
import { classesOf, MODEL, SEED } from './sample-spec.ts';

/** @returns a sample: runs a guided one-batch job and gives the milliseconds from one commit to the next, on average */
export function jobTimer(worker: LocalWorker, batch: number, steps: number): Sample {
  const client = new CairnClient(worker.url, { apiKey: worker.apiKey });
  let lastMs = 0;
  return async () => {
    const startedAt = performance.now();
    const { id } = await client.createSample({ model: MODEL, classes: classesOf(batch), steps, seed: SEED });
    await sleep(lastMs); // looking at a job costs it time: not before it should be done
    const { status, error } = await client.waitForSample(id, { interval: 50 });
    if (status !== 'succeeded') throw new Error(`the measured job ${status}: ${error?.message}`);
    lastMs = performance.now() - startedAt;
    const timeline = await worker.call('timeline', { job: id });
    return (timeline.at(-1)!.at - timeline[0]!.at) / (timeline.length - 1);
  };
}
