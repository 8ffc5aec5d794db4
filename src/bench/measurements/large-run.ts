import { CairnClient } from '../../client/index.ts';
import { interleave, type Sample } from '../interleave.ts';
import { type LocalWorker, startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { MODEL } from '../sample-spec.ts';
import { compare } from '../statistics.ts';

const SMALL = 100;
const SIZES = [1_000, 5_000];
const ROUNDS = 3;
/** Of runs whose batches are real. */
const REAL = { images: 500, steps: 2 };

export const largeRun: Measurement = {
  name: 'large-run',
  title: 'What a batch of a large run costs its job',
  method: `Whole runs in a local workerd, time from their begin to their end by the batch. "job object": the job is
real with all it does (reports, alarms, its place in the queue, the index, the sheet), its batches are stood in for by
ones that end as soon as they are told to begin, so that nothing but the job takes time; each size against a run of
${SMALL} batches: what a batch costs must not grow with the run. "batch objects": runs of ${REAL.images} images of
mnist-32 in ${REAL.steps} steps through the API, with real batch objects of 10 images behind a server that answers at
once, against the job's share of it.`,
  async run({ quick, onProgress }) {
    await using backend = await startChild('instant-backend.ts');
    await using worker = await startLocalWorker({
      INFERENCE_BACKEND: 'remote',
      INFERENCE_URL: backend.ready as string,
      QUOTA_IMAGES_PER_DAY: '100000000',
      QUOTA_IMAGE_STEPS_PER_DAY: '100000000',
    });
    const client = new CairnClient(worker.url, { apiKey: worker.apiKey });
    const account = (await client.keys.account()).id;
    const simulated = (batches: number): Sample => {
      return async () => (await worker.call('run', { account, batches })).ms;
    };
    const rows: Row[] = [];
    for (const batches of quick ? SIZES.slice(0, 1) : SIZES) {
      onProgress(`${batches} batches`);
      const rounds = quick ? 2 : ROUNDS;
      const { ours, floor } = await interleave(
        { ours: simulated(batches), floor: simulated(SMALL) },
        rounds,
        0,
      );
      rows.push({
        name: `job object, a batch of ${batches.toLocaleString('en')}`,
        unit: 'ms',
        floorIs: `a batch of ${SMALL}`,
        ...compare(ours, floor),
        aim: { on: 'ratio', atMost: 1.5 },
      });
    }
    onProgress(`${REAL.images} images`);
    const real = { ours: realRun(worker), floor: simulated(SMALL) };
    const { ours, floor } = await interleave(real, quick ? 2 : ROUNDS);
    rows.push({
      name: `batch objects, a batch of ${REAL.images / 10} in ${REAL.steps} steps`,
      unit: 'ms',
      floorIs: `job object, a batch of ${SMALL}`,
      ...compare(ours, floor),
    });
    return rows;
  },
};

/** @returns a sample: ms per batch of a run through the API */
function realRun(worker: LocalWorker): Sample {
  const client = new CairnClient(worker.url, { apiKey: worker.apiKey });
  return async () => {
    const { id } = await client.createSample({
      ...{ model: MODEL, labels: 'random', count: REAL.images, steps: REAL.steps },
    });
    const { status, error, created_at, finished_at } = await client.waitForSample(id, { interval: 500 });
    if (status !== 'succeeded') throw new Error(`the measured run ${status}: ${error?.message}`);
    await client.deleteSample(id);
    return (Date.parse(finished_at!) - Date.parse(created_at)) / (REAL.images / 10);
  };
}
