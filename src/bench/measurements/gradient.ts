import { openGraph, runGraphs } from '../bare-graph.ts';
import { interleave, timePerCall } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';

const CASES = [
  { batch: 1, runs: 20 },
  { batch: 8, runs: 4 },
];
const ROUNDS = 9;

export const gradient: Measurement = {
  name: 'gradient',
  title: "The gradient against the classifier's forward pass, onnxruntime-node",
  method: `mnist-32's gradient graph, which holds the forward pass too, against its classifier on the same x_t, in
onnxruntime-node.`,
  async run({ quick, onProgress }) {
    const rows: Row[] = [];
    for (const threads of [1, 2]) {
      for (const { batch, runs } of CASES) {
        onProgress(`batch ${batch}, ${threads} thread(s)`);
        const ours = await openGraph('gradient', batch, threads);
        const floor = await openGraph('classifier', batch, threads);
        const times = await interleave(
          {
            ours: () => timePerCall(() => runGraphs([ours]), runs),
            floor: () => timePerCall(() => runGraphs([floor]), runs),
          },
          quick ? 2 : ROUNDS,
        );
        await ours.session.release();
        await floor.session.release();
        rows.push({
          name: `gradient, batch ${batch}, ${threads} thread${threads === 1 ? '' : 's'}`,
          unit: 'ms',
          floorIs: 'forward alone',
          ...compare(times.ours, times.floor),
          aim: { on: 'ratio', atMost: 2.2 },
        });
      }
    }
    return rows;
  },
};
