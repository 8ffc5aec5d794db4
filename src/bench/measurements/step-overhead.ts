import { interleave, timePerCall } from '../interleave.ts';
import { jobTimer } from '../job-timer.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { stepRoundTrip } from '../round-trip.ts';
import { compare } from '../statistics.ts';

const STEPS = 50;
const ROUNDS = 9;

export const stepOverhead: Measurement = {
  name: 'step-overhead',
  title: 'A guided step without inference',
  method: `The same jobs against a server that answers every step at once with zeros of the right shapes: all that is
left is what Cairn adds to a step, and HTTP. The floor is the same exchange of bytes from plain Node over a connection
that stays open.`,
  async run({ quick, onProgress }) {
    await using backend = await startChild('instant-backend.ts');
    const url = backend.ready as string;
    await using worker = await startLocalWorker({ INFERENCE_BACKEND: 'remote', INFERENCE_URL: url });
    const rows: Row[] = [];
    for (const batch of [1, 10]) {
      onProgress(`batch ${batch}`);
      const exchange = stepRoundTrip(url, batch);
      const { ours, floor } = await interleave(
        { ours: jobTimer(worker, batch, STEPS), floor: () => timePerCall(exchange, STEPS) },
        quick ? 2 : ROUNDS,
      );
      rows.push({
        name: `step without inference, batch ${batch} (${4 * batch} KB)`,
        unit: 'ms',
        floorIs: 'HTTP exchange from Node',
        ...compare(ours, floor),
        aim: { on: 'ours', atMost: 3 },
      });
    }
    return rows;
  },
};
