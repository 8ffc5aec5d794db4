import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildModel } from '../../../src/onnx/architectures/build-model.ts';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { replaceFolder } from '../../../src/onnx/convert/model-folder.ts';
import { type WriteGraphOptions, writeGraph } from '../../../src/onnx/convert/write-graph.ts';
import ort from '../../../src/onnx/onnxruntime.ts';
import { checkpointPath, constructors, largestError, readNpz } from '../fixtures.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-write-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const { class: className, constructor_arguments } = constructors.tiny_a!;

async function write(options: WriteGraphOptions) {
  await using checkpoint = await openCheckpoint(checkpointPath('tiny_a.pt'));
  const graph = buildModel(checkpoint, optionsFromReference(className, constructor_arguments));
  return await replaceFolder(join(root, 'model'), (folder) =>
    writeGraph(folder, 'classifier.onnx', graph, options),
  );
}

async function logits(): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(join(root, 'model', 'classifier.onnx'));
  const io = readNpz('checkpoints/tiny_a_io.npz');
  const x = new ort.Tensor('float32', io.float32('x'), io.array('x').shape);
  const timestep = new ort.Tensor('float32', io.float32('timesteps'), [2]);
  return (await session.run({ x, timestep })).logits!.data as Float32Array;
}

const digest = (file: string) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'model', file)))
    .digest('hex');

describe('weights in a file of their own', () => {
  it('give the same answers as weights in the graph', async () => {
    await write({});
    const within = await logits();
    await write({ externalFrom: 0 });
    expect(await logits()).toEqual(within);
    const golden = readNpz('checkpoints/tiny_a_io.npz').float32('logits');
    expect(largestError(within, golden)).toBeLessThan(1e-6);
  });

  it('are described with size and digest, and leave a small graph', async () => {
    const within = await write({});
    const beside = await write({ externalFrom: 0 });
    expect(within.data).toBeUndefined();
    expect(beside.data).toEqual({
      file: 'classifier.onnx.data',
      bytes: expect.any(Number),
      sha256: digest('classifier.onnx.data'),
    });
    expect(beside.sha256).toBe(digest('classifier.onnx'));
    expect(beside.bytes).toBeLessThan(within.bytes / 2);
  });

  it('are used from the given size on', async () => {
    const bytes = (await write({ externalFrom: 0 })).data!.bytes;
    expect((await write({ externalFrom: 2 * bytes })).data).toBeUndefined();
    expect((await write({ externalFrom: bytes / 2 })).data).toBeDefined();
  });
});

it.each([0, Number.POSITIVE_INFINITY])(
  'reports bytes up to all of them (external from %d)',
  async (externalFrom) => {
    const seen: number[] = [];
    let total = 0;
    const onBytes = (done: number, all: number) => {
      seen.push(done);
      total = all;
    };
    await write({ externalFrom, onBytes });
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(total);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  },
);
