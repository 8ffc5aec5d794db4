import { CairnClient } from '../../client/index.ts';
import { interleave, type Sample } from '../interleave.ts';
import { type LocalWorker, startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { classesOf, MODEL, SEED } from '../sample-spec.ts';
import { compare } from '../statistics.ts';

const BATCH = 10;
const STEPS = 100;
const ROUNDS = 7;
const READERS = [1, 10, 100];
const BACKEND_MS = 15;

export const watching: Measurement = {
  name: 'watching',
  title: 'What readers of its events cost a step',
  method: `One-batch jobs of ${BATCH} images of mnist-32 with a preview of every step, against a server that computes
nothing and answers after ${BACKEND_MS} ms. Ours is the time from commit to commit while so many connections read the
job's server-sent events, the floor the same job that nobody watches, in turns. The readers run in this process, beside
the Worker: what they take of the machine is in the difference too.`,
  async run({ quick, onProgress }) {
    await using backend = await startChild('instant-backend.ts');
    await using worker = await startLocalWorker({
      INFERENCE_BACKEND: 'remote',
      INFERENCE_URL: `${backend.ready as string}/after/${BACKEND_MS}`,
    });
    const rows: Row[] = [];
    for (const readers of READERS) {
      onProgress(`${readers} readers`);
      const sides = { ours: watchedJob(worker, readers), floor: watchedJob(worker, 0) };
      const { ours, floor } = await interleave(sides, quick ? 2 : ROUNDS);
      rows.push({
        name: `step watched by ${readers}`,
        unit: 'ms',
        floorIs: 'nobody watches',
        ...compare(ours, floor),
      });
    }
    return rows;
  },
};

/** Runs a job under the eyes of so many readers; gives the milliseconds from one commit to the next, on average. */
function watchedJob(worker: LocalWorker, readers: number): Sample {
  const client = new CairnClient(worker.url, { apiKey: worker.apiKey });
  return async () => {
    const request = { model: MODEL, classes: classesOf(BATCH), steps: STEPS, seed: SEED, preview_every: 1 };
    const { id } = await client.createSample(request);
    const reading = Array.from({ length: readers }, async () => {
      for await (const _ of client.watch(id));
    });
    const { status, error } = await client.waitForSample(id, { interval: 500 });
    if (status !== 'succeeded') throw new Error(`the measured job ${status}: ${error?.message}`);
    await Promise.all(reading);
    const timeline = await worker.call('timeline', { job: id });
    return (timeline.at(-1)!.at - timeline[0]!.at) / (timeline.length - 1);
  };
}
