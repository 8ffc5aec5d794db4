import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Network } from '../../src/check/network.ts';
import { writeLargeGraph } from '../server/engine/graphs.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'cairn-network-test-'));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

it("runs a large graph's batch as an engine does: as many images at a time as threads", async () => {
  const folder = join(parent, 'model');
  const file = await writeLargeGraph(folder, (g, _, product) =>
    g.op('Add', [product, g.op('Reshape', [product, g.ints([1, 4096])])]),
  );
  const ends = {
    inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 2] }],
    outputs: [{ name: 'output', datatype: 'FP32' as const, shape: [-1, 4096] }],
  };
  await using network = await Network.open(folder, file, ends, 1);
  const data = Float32Array.of(1, 2, 3, 4);
  const inputs = new Map([['x', { name: 'x', datatype: 'FP32' as const, shape: [2, 2], data }]]);
  await network.runAsServed(inputs);
  await expect(network.run(inputs, 2)).rejects.toThrow(/Reshape|reshape/);
});
