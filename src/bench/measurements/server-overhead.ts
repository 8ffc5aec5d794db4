import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheapGraphs } from '../bare-cheap-graphs.ts';
import { writeCheapModel } from '../cheap-model.ts';
import { interleave, timePerCall } from '../interleave.ts';
import type { Measurement, Row } from '../measurement.ts';
import { startChild } from '../processes/child.ts';
import { startServerProcess } from '../server-process.ts';
import { compare } from '../statistics.ts';
import { openStepClient, type StepShape } from '../step-client.ts';

const THREADS = 1;
const CASES = [
  { size: '48 KB', model: 'cheap-64', side: 64, calls: 100, rounds: 15 },
  { size: '3 MB', model: 'cheap-512', side: 512, calls: 8, rounds: 15 },
];

export const serverOverhead: Measurement = {
  name: 'server-overhead',
  title: 'What the inference server adds to a step',
  method: `A guided step of one image over HTTP to \`cairn serve\`, against onnxruntime-node alone on the same graphs, which
do next to nothing: x goes there, three times as much comes back. The difference has HTTP, the queue, the way to the
engine's process and back, and this client's share. "plain HTTP" is the same exchange of bytes with a Node server that
reads the request and answers zeros that lie ready. In the last row, "copies" is how long copying every byte of request
and answer once takes: the speed of memory in the same run.`,
  async run({ quick, onProgress }) {
    const modelsDir = await mkdtemp(join(tmpdir(), 'cairn-bench-models-'));
    try {
      const shapes: StepShape[] = CASES.map(({ model, side }) => ({
        ...{ model, image: [3, side, side], classes: 10 },
      }));
      for (const shape of shapes) await writeCheapModel(modelsDir, shape);
      await using server = await startServerProcess({ threads: THREADS, modelsDir });
      await using instant = await startChild('instant-backend.ts');
      const rows: Row[] = [];
      for (const [i, { size, calls, rounds }] of CASES.entries()) {
        onProgress(size);
        const shape = shapes[i]!;
        const client = openStepClient(server.ready as string, shape);
        const plain = openStepClient(instant.ready as string, shape);
        const bare = await openCheapGraphs(shape, THREADS);
        const copy = copyOfAll(4 * shape.image.reduce((a, b) => a * b));
        const step = { images: 1, owner: 'bench' };
        const taken = await interleave(
          {
            ours: () => timePerCall(() => client.step(step), calls),
            bare: () => timePerCall(bare, calls),
            plain: () => timePerCall(() => plain.step(step), calls),
            copies: () => timePerCall(copy, calls),
          },
          quick ? 2 : rounds,
          2,
        );
        client.close();
        plain.close();
        const added = taken.ours.map((ms, round) => ms - taken.bare[round]!);
        const small = size === '48 KB';
        rows.push(
          {
            ...{ name: `step, ${size}`, unit: 'ms', floorIs: 'onnxruntime-node alone' },
            ...compare(taken.ours, taken.bare),
            ...(small && { aim: { on: 'difference', atMost: 1.5 } as const }),
          },
          {
            ...{ name: `added to a step, ${size}`, unit: 'ms', floorIs: 'plain HTTP' },
            ...compare(added, taken.plain),
          },
        );
        if (small) continue;
        rows.push({
          ...{ name: `added to a step, ${size}`, unit: 'ms', floorIs: 'copies' },
          ...compare(added, taken.copies),
          aim: { on: 'ratio', atMost: 2 },
        });
      }
      return rows;
    } finally {
      await rm(modelsDir, { recursive: true });
    }
  },
};

/** Copies x, and three times as much, between arrays that are there already. */
function copyOfAll(bytes: number): () => void {
  const from = new Uint8Array(4 * bytes).fill(1);
  const to = new Uint8Array(4 * bytes);
  return () => to.set(from);
}
