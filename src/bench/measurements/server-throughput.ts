import { interleave } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startServerProcess } from '../server-process.ts';
import { compare } from '../statistics.ts';
import { openStepClient } from '../step-client.ts';

const THREADS = 1;
const JOBS = 32;
const STEPS = 2;
/** As Cairn splits a job: the model's largest batch. */
const ONE_JOB = [10, 10, 10, 2];
const EXACT_BATCH = 10;
/** On a slow machine, fewer rounds. */
const WITHIN_MS = 30_000;

export const serverThroughput: Measurement = {
  name: 'server-throughput',
  title: 'Many jobs on one inference server',
  method: `${JOBS} one-image guided jobs of mnist-32, ${STEPS} steps each, all at the same time over HTTP to \`cairn serve\`
on one thread, against the same jobs one after another and against one job of ${JOBS} images in its batches of up to 10.
A ratio below 1 is what sharing batches gains. In the last rows all are exact and the server has \`--exact-batch
${EXACT_BATCH}\`: every run has ${EXACT_BATCH} images whether they are wanted or not, so that jobs one after another waste nine in ten.`,
  async run({ quick, onProgress }) {
    const rows: Row[] = [];
    for (const exact of [false, true]) {
      const rounds = quick ? 1 : 5;
      const name = `${JOBS} jobs at once${exact ? ', exact' : ''}`;
      onProgress(name);
      await using server = await startServerProcess({
        threads: THREADS,
        ...(exact && { exactBatchSize: EXACT_BATCH }),
      });
      const client = openStepClient(server.ready as string);
      const job = async (owner: string, images: number) => {
        for (let step = 0; step < STEPS; step++) await client.step({ images, owner, exact });
      };
      const timed = (work: () => Promise<unknown>) => async () => {
        const startedAt = performance.now();
        await work();
        return performance.now() - startedAt;
      };
      const owners = Array.from({ length: JOBS }, (_, i) => `job-${i}`);
      const { together, oneByOne, oneJob } = await interleave(
        {
          together: timed(() => Promise.all(owners.map((owner) => job(owner, 1)))),
          oneByOne: timed(async () => {
            for (const owner of owners) await job(owner, 1);
          }),
          oneJob: timed(() => Promise.all(ONE_JOB.map((images) => job('one', images)))),
        },
        rounds,
        1,
        WITHIN_MS,
      );
      client.close();
      rows.push(
        {
          ...{ name, unit: 'ms', floorIs: 'one after another' },
          ...compare(together, oneByOne),
          aim: { on: 'ratio', atMost: 1 },
        },
        { ...{ name, unit: 'ms', floorIs: `one job of ${JOBS}` }, ...compare(together, oneJob) },
      );
    }
    return rows;
  },
};
