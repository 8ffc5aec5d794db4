import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Network } from '../../src/check/network.ts';
import { replaceFolder } from '../../src/onnx/convert/model-folder.ts';
import { writeGraph } from '../../src/onnx/convert/write-graph.ts';
import { GraphBuilder, tensorFrom } from '../../src/onnx/graph/index.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'cairn-network-test-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

it("runs a large graph's batch as an engine does: as many images at a time as threads", async () => {
  const g = new GraphBuilder({ name: 'one image at a time' });
  const x = g.input('x', 'float32', ['N', 2]);
  const weights = g.initializer('weights', tensorFrom('float32', [2, 4096], Array(8192).fill(1)));
  const product = g.op('MatMul', [x, weights]);
  g.output(g.op('Add', [product, g.op('Reshape', [product, g.ints([1, 4096])])]), 'y');
  const folder = join(parent, 'model');
  const file = await replaceFolder(folder, (writer) =>
    writeGraph(writer, 'one.onnx', g.build(), { externalFrom: 1 }),
  );
  const ends = {
    inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 2] }],
    outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1, 4096] }],
  };
  await using network = await Network.open(folder, file, ends, 1);
  const data = Float32Array.of(1, 2, 3, 4);
  const inputs = new Map([['x', { name: 'x', datatype: 'FP32' as const, shape: [2, 2], data }]]);
  await network.runAsServed(inputs, 2);
  await expect(network.run(inputs, 2)).rejects.toThrow(/Reshape|reshape/);
});
