import { setTimeout as sleep } from 'node:timers/promises';
import { interleave } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startServerProcess } from '../server-process.ts';
import { compare } from '../statistics.ts';
import { openStepClient } from '../step-client.ts';

const THREADS = 1;
/** 256 images in batches of up to 10, as Cairn asks for them. */
const LARGE_BATCHES = 26;
const LARGE_BATCH = 10;
/** On a slow machine, fewer rounds. */
const WITHIN_MS = 20_000;
const CASES = [
  { exact: false, steps: 25, rounds: 7 },
  { exact: true, steps: 6, rounds: 3 },
];

export const serverFairness: Measurement = {
  name: 'server-fairness',
  title: 'A small job beside a large one',
  method: `A guided one-image job of mnist-32 over HTTP to \`cairn serve\` on one thread, from its first step's request to
its last step's answer, while a job of 256 images walks on the same server, against the same job alone. In the last row
both are exact and the server has \`--exact-batch ${LARGE_BATCH}\`.`,
  async run({ quick, onProgress }) {
    const rows: Row[] = [];
    for (const { exact, steps, rounds } of CASES) {
      const name = `one image beside 256${exact ? ', exact' : ''}`;
      onProgress(name);
      await using server = await startServerProcess({
        threads: THREADS,
        ...(exact && { exactBatchSize: LARGE_BATCH }),
      });
      const client = openStepClient(server.ready as string);
      const smallJob = async () => {
        const startedAt = performance.now();
        for (let i = 0; i < steps; i++) await client.step({ images: 1, owner: 'small', exact });
        return performance.now() - startedAt;
      };
      const besideLarge = async () => {
        let over = false;
        const batch = async () => {
          while (!over) await client.step({ images: LARGE_BATCH, owner: 'large', exact });
        };
        const large = Promise.all(Array.from({ length: LARGE_BATCHES }, batch));
        await sleep(500);
        const ms = await smallJob();
        over = true;
        await large;
        return ms;
      };
      const { ours, floor } = await interleave(
        { ours: besideLarge, floor: smallJob },
        quick ? 1 : rounds,
        1,
        WITHIN_MS,
      );
      client.close();
      rows.push({
        ...{ name, unit: 'ms', floorIs: 'alone', ...compare(ours, floor) },
        aim: { on: 'ratio', atMost: 3 },
      });
    }
    return rows;
  },
};
