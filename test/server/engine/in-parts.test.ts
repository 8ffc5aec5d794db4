import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { NamedTensor } from '../../../src/inference/oip/tensor.ts';
import { imagesAtATime, inParts } from '../../../src/server/engine/in-parts.ts';
import { openEngine, writeLargeGraph } from './graphs.ts';

const floats = (name: string, shape: readonly number[], data: readonly number[]): NamedTensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: Float32Array.from(data),
});

describe('images at a time', () => {
  const large = { data: { file: 'a.onnx.data', bytes: 2 ** 26, sha256: '0'.repeat(64) } };

  it('are as many as threads for a graph with weights in a file of their own, on the CPU', () => {
    expect(imagesAtATime(large, { provider: 'cpu', threads: 3 })).toBe(3);
    expect(imagesAtATime(large, { provider: 'cpu', threads: null })).toBe(availableParallelism());
  });

  it('are all of them for other graphs and on a card', () => {
    expect(imagesAtATime({}, { provider: 'cpu', threads: 1 })).toBe(Infinity);
    expect(imagesAtATime(large, { provider: 'cuda', threads: 1 })).toBe(Infinity);
  });
});

describe('a batch in parts', () => {
  const x = floats('x', [5, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const t = { ...floats('t', [5], []), datatype: 'INT32' as const, data: Int32Array.of(5, 6, 7, 8, 9) };

  it('has every row once, in order, in parts of the size', async () => {
    const seen: number[][] = [];
    const outputs = await inParts([x, t], 2, async (part) => {
      expect(part.map(({ name }) => name)).toEqual(['x', 't']);
      const [images, times] = part as [NamedTensor, NamedTensor];
      expect(times.shape).toEqual([images.shape[0]]);
      seen.push([...(times.data as Int32Array)]);
      const twice = Array.from(images.data as Float32Array, (value) => 2 * value);
      return [
        floats('twice', images.shape, twice),
        floats('time', times.shape, [...(times.data as Int32Array)]),
      ];
    });
    expect(seen).toEqual([[5, 6], [7, 8], [9]]);
    expect(outputs).toEqual([
      floats('twice', [5, 2], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]),
      floats('time', [5], [5, 6, 7, 8, 9]),
    ]);
  });

  it('fails with the part that fails', async () => {
    let runs = 0;
    const failing = inParts([x], 2, async () => {
      runs++;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(runs).toBe(1);
  });
});

describe('an engine', () => {
  let parent: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'cairn-parts-test-'));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('gives a graph with weights in a file of their own one image a thread', async () => {
    const folder = join(parent, 'model');
    // Each sum times the rows of its run.
    const file = await writeLargeGraph(folder, (g, x, product) => {
      const rows = g.cast(g.op('Gather', [g.op('Shape', [x]), g.ints([0])]), 'float32');
      return g.op('Mul', [g.reduce('ReduceMean', product, [1]), rows]);
    });
    expect(file.data).toBeDefined();
    const signature = {
      inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 2] }],
      outputs: [{ name: 'output', datatype: 'FP32' as const, shape: [-1, 1] }],
    };
    const answer = async (threads: number) => {
      const settings = { provider: 'cpu', device: 0, threads, arena: true } as const;
      const engine = await openEngine({
        folder,
        graphs: [{ graph: 'diffusion', file, signature }],
        settings,
      });
      onTestFinished(() => engine.close());
      const inputs = new Map([['x', floats('x', [3, 2], [1, 2, 3, 4, 5, 6])]]);
      return [...((await engine.session('diffusion')!.run(inputs, ['output']))[0]!.data as Float32Array)];
    };
    expect(await answer(1)).toEqual([3, 7, 11]);
    expect(await answer(2)).toEqual([6, 14, 11]);
  });
});
