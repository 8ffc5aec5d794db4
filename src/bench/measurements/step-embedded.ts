import { interleave, type Sample } from '../interleave.ts';
import { jobTimer } from '../job-timer.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';
import type { WalkInput } from '../worker/operations.ts';

const CASES = [
  { batch: 1, steps: 12, rounds: 7 },
  { batch: 10, steps: 4, rounds: 5 },
];
/** mnist-32's. */
const IMAGE = { channels: 1, height: 32, width: 32 };
const LOOP_STEPS = 100;
const LOOP_ROUNDS = 9;

export const stepEmbedded: Measurement = {
  name: 'step-embedded',
  title: 'A guided step with embedded inference',
  method: `One-batch jobs of mnist-32 through the API of a local workerd, against onnxruntime-web running the same two
graphs on the same inputs in the same Worker, without durable objects, storage or validation. The difference is what
Cairn adds to a step: the loop, the noise, the sampler's arithmetic, the commit, the progress reports, and one pause
per step in which a cancel can come in. It is the difference of two large numbers, so the last rows have the same loop
in a durable object with zeros in the place of inference, against the same without the commit.`,
  async run({ quick, onProgress }) {
    await using worker = await startLocalWorker({ INFERENCE_BACKEND: 'embedded' });
    const rows: Row[] = [];
    for (const { batch, steps, rounds } of CASES) {
      onProgress(`batch ${batch}`);
      const { ours, floor } = await interleave(
        {
          ours: jobTimer(worker, batch, steps),
          floor: async () =>
            (await worker.call('bare', { graphs: ['diffusion', 'gradient'], batch, runs: steps })).ms,
        },
        quick ? 2 : rounds,
      );
      rows.push({
        name: `embedded step, batch ${batch} (${4 * batch} KB)`,
        unit: 'ms',
        floorIs: 'onnxruntime-web alone',
        ...compare(ours, floor),
        aim: { on: 'difference', atMost: 3 },
      });
    }
    for (const { batch } of CASES) {
      onProgress(`batch ${batch}, loop alone`);
      const walk =
        (order: WalkInput['order']): Sample =>
        async () =>
          (await worker.call('walk', { url: null, image: IMAGE, batch, steps: LOOP_STEPS, order })).ms;
      const { ours, floor } = await interleave(
        { ours: walk('write_first'), floor: walk('no_commit') },
        quick ? 2 : LOOP_ROUNDS,
      );
      rows.push({
        name: `embedded step without inference, batch ${batch} (${4 * batch} KB)`,
        unit: 'ms',
        floorIs: 'without a commit',
        ...compare(ours, floor),
        aim: { on: 'ours', atMost: 3 },
      });
    }
    return rows;
  },
};
