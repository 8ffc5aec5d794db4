import { interleave, type Sample } from '../interleave.ts';
import { startLocalWorker } from '../local-worker.ts';
import type { Measurement, Row } from '../measurement.ts';
import { compare } from '../statistics.ts';

const CASES = [
  { batch: 1, runs: 10, rounds: 9 },
  { batch: 8, runs: 3, rounds: 5 },
];

export const gradientWeb: Measurement = {
  name: 'gradient-web',
  title: "The gradient against the classifier's forward pass, onnxruntime-web",
  method: 'The same two graphs in onnxruntime-web (WebAssembly, one thread) inside the local workerd.',
  async run({ quick, onProgress }) {
    await using worker = await startLocalWorker({});
    const rows: Row[] = [];
    for (const { batch, runs, rounds } of CASES) {
      onProgress(`batch ${batch}`);
      const run =
        (graph: 'gradient' | 'classifier'): Sample =>
        async () =>
          (await worker.call('bare', { graphs: [graph], batch, runs })).ms;
      const { ours, floor } = await interleave(
        { ours: run('gradient'), floor: run('classifier') },
        quick ? 2 : rounds,
      );
      rows.push({
        name: `gradient in WebAssembly, batch ${batch}`,
        unit: 'ms',
        floorIs: 'forward alone',
        ...compare(ours, floor),
        aim: { on: 'ratio', atMost: 2.2 },
      });
    }
    return rows;
  },
};
