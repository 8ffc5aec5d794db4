import { interleave } from '../interleave.ts';
import { jobTimer } from '../job-timer.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';

const CASES = [
  { batch: 1, steps: 20, rounds: 7 },
  { batch: 10, steps: 6, rounds: 5 },
];

export const stepEmbedded: Measurement = {
  name: 'step-embedded',
  title: 'A guided step with embedded inference',
  method: `One-batch jobs of mnist-32 through the API of a local workerd, against onnxruntime-web running the same two
graphs on the same inputs in the same Worker, without durable objects, storage or validation. The difference is what
Cairn adds to a step: the loop, the noise, the sampler's arithmetic, the commit, the progress reports, and one pause
per step in which a cancel can come in. It is the difference of two large numbers; "step-overhead" has it without
inference.`,
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
    return rows;
  },
};
