import { interleave, type Sample } from '../interleave.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { compare } from '../statistics.ts';
import type { WalkInput } from '../worker/operations.ts';

const BACKEND_MS = 15;
const CASES = [
  { size: '40 KB', batch: 10, image: { channels: 1, height: 32, width: 32 }, steps: 20, rounds: 9 },
  { size: '768 KB', batch: 1, image: { channels: 3, height: 256, width: 256 }, steps: 8, rounds: 5 },
];

export const sendFirst: Measurement = {
  name: 'send-first',
  title: 'Sending the next call before the commit',
  method: `The timestep loop in a durable object against a server that answers after ${BACKEND_MS} ms, in three
orders: the product's (send the next call, then commit), the reverse (commit, then send), and without any commit. Where
the first equals the last, the commit is hidden.`,
  async run({ quick, onProgress }) {
    await using backend = await startChild('instant-backend.ts');
    await using worker = await startLocalWorker({});
    const url = `${backend.ready}/after/${BACKEND_MS}`;
    const rows: Row[] = [];
    for (const { size, batch, image, steps, rounds } of CASES) {
      onProgress(size);
      const walk =
        (order: WalkInput['order']): Sample =>
        async () =>
          (await worker.call('walk', { url, image, batch, steps, order })).ms;
      const times = await interleave(
        { sendFirst: walk('send_first'), noCommit: walk('no_commit'), writeFirst: walk('write_first') },
        quick ? 2 : rounds,
      );
      const name = `step on a ${BACKEND_MS} ms backend, ${size}`;
      rows.push(
        { name, unit: 'ms', floorIs: 'without a commit', ...compare(times.sendFirst, times.noCommit) },
        {
          name,
          unit: 'ms',
          floorIs: 'commit before the call',
          ...compare(times.sendFirst, times.writeFirst),
        },
      );
    }
    return rows;
  },
};
