import type { Sample } from '../interleave.ts';
import { jobTimer } from '../job-timer.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { type Child, startChild } from '../processes/child.ts';
import { type Comparison, compare } from '../statistics.ts';

const STEPS = 40;
const ROUNDS = 7;
const BATCHES = [1, 10];
const BACKEND_MS = 15;

export const stepOverhead: Measurement = {
  name: 'step-overhead',
  title: 'What a guided step costs on top of its backend',
  method: `One-batch jobs of mnist-32 through the API of a local workerd, against a server that computes nothing: it
answers a step at once, or after ${BACKEND_MS} ms, with zeros of the right shapes. The floor is how long the server held
the requests of the same job, so the difference is all that is ours: HTTP both ways, validation, arithmetic, noise,
commit, progress. While a backend works, noise is drawn and the last step is committed; behind one that answers at once
neither can hide. "fetch alone" is the same exchange of bytes from a Worker that does nothing else: what the platform
takes of the difference. The local runtime passes every fetch through one more Worker than the deployed platform does.`,
  async run({ quick, onProgress }) {
    await using backend = await startChild('instant-backend.ts');
    const atOnce = backend.ready as string;
    const later = `${atOnce}/after/${BACKEND_MS}`;
    const rounds = quick ? 2 : ROUNDS;
    const rows: Row[] = [];
    const add = (name: string, batch: number, comparison: Comparison, aim: Pick<Row, 'aim'>) =>
      rows.push({
        name: `${name}, batch ${batch} (${4 * batch} KB)`,
        unit: 'ms',
        floorIs: 'held by the server',
        ...comparison,
        ...aim,
      });

    for (const [url, name] of [
      [later, `step on a ${BACKEND_MS} ms backend`],
      [atOnce, 'step on an instant backend'],
    ] as const) {
      await using worker = await startLocalWorker({ INFERENCE_BACKEND: 'remote', INFERENCE_URL: url });
      for (const batch of BATCHES) {
        onProgress(`${name}, batch ${batch}`);
        const job = await onTop(backend, jobTimer(worker, batch, STEPS), rounds);
        add(name, batch, job, { aim: { on: 'difference', atMost: 3 } });
        if (url === later) continue;
        const exchange = async () => (await worker.call('fetch', { url, batch, exchanges: STEPS })).ms;
        add('fetch alone', batch, await onTop(backend, exchange, rounds), {});
      }
    }
    return rows;
  },
};

/** Each round's time against what the server held of it. */
async function onTop(backend: Child, sample: Sample, rounds: number): Promise<Comparison> {
  const ours: number[] = [];
  const held: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const ms = await sample();
    const heldMs = (await backend.ask('held')) as number;
    if (round < 0) continue; // the warm-up
    ours.push(ms);
    held.push(heldMs);
  }
  return compare(ours, held);
}
