import { interleave } from '../interleave.ts';
import { jobTimer } from '../job-timer.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import type { BareQuestion } from '../processes/bare-sessions.ts';
import { startChild } from '../processes/child.ts';
import { startServerProcess } from '../server-process.ts';
import { compare } from '../statistics.ts';

/** Per run, on both sides: the Worker has the other core, as it would have a machine of its own. */
const THREADS = 1;
const CASES = [
  { batch: 1, steps: 25, rounds: 9 },
  { batch: 10, steps: 6, rounds: 7 },
];

export const stepRemote: Measurement = {
  name: 'step-remote',
  title: 'A guided step with remote inference',
  method: `One-batch jobs of mnist-32 through the API of a local workerd that asks \`cairn serve\` in a process of its
own, against onnxruntime-node running the same two graphs on the same inputs in a third process; one thread per run on
both sides. The difference is what Cairn adds: the Worker's share, the server's share and HTTP between them.`,
  async run({ quick, onProgress }) {
    await using server = await startServerProcess({ threads: THREADS });
    await using bare = await startChild('bare-sessions.ts', [String(THREADS)]);
    await using worker = await startLocalWorker({
      INFERENCE_BACKEND: 'remote',
      INFERENCE_URL: server.ready as string,
    });
    const rows: Row[] = [];
    for (const { batch, steps, rounds } of CASES) {
      onProgress(`batch ${batch}`);
      const question: BareQuestion = { graphs: ['diffusion', 'gradient'], batch, runs: steps };
      const { ours, floor } = await interleave(
        { ours: jobTimer(worker, batch, steps), floor: async () => (await bare.ask(question)) as number },
        quick ? 2 : rounds,
      );
      rows.push({
        name: `remote step, batch ${batch} (${4 * batch} KB)`,
        unit: 'ms',
        floorIs: 'onnxruntime-node alone',
        ...compare(ours, floor),
        aim: { on: 'difference', atMost: 3 },
      });
    }
    return rows;
  },
};
