import { expect, it } from 'vitest';
import { warmUp } from '../../../src/server/engine/warm-up.ts';

const file = { file: 'a.onnx', bytes: 1, sha256: '0'.repeat(64) };
const signature = { inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 2] }], outputs: [] };
const settings = { provider: 'cpu', device: 0, threads: 2, arena: true } as const;

it('runs every size, of a large graph no more images than it is given at a time', async () => {
  const runs: [string, number][] = [];
  const large = { ...file, data: { ...file, file: 'a.onnx.data' } };
  await warmUp(
    {
      async run(graph, [x]) {
        runs.push([graph, x!.shape[0]!]);
        return [];
      },
    },
    {
      graphs: [
        { graph: 'diffusion', file, signature },
        { graph: 'gradient', file: large, signature },
      ],
      settings,
    },
    [16, 4, 1],
  );
  expect(runs).toEqual([
    ['diffusion', 16],
    ['diffusion', 4],
    ['diffusion', 1],
    ['gradient', 2],
    ['gradient', 1],
  ]);
});
