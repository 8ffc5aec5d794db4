import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeRandomCheckpoint } from '../../../src/bench/gpu/random-checkpoint.ts';
import { recipeOf } from '../../../src/bench/gpu/sizes.ts';
import { stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { toFloat32 } from '../../../src/onnx/checkpoint/dtype.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-random-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('a random checkpoint has the tensors of its architecture, and always the same', async () => {
  const { architecture } = await recipeOf('toy');
  const [path, again] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
  const parameters = await writeRandomCheckpoint(path, architecture.diffusion);
  await writeRandomCheckpoint(again, architecture.diffusion);
  expect(await readFile(path)).toEqual(await readFile(again));

  await using checkpoint = await openCheckpoint(path);
  const shapes = new Map([...checkpoint.tensors].map(([name, { shape }]) => [name, shape]));
  expect(shapes).toEqual(stateDictOf(architecture.diffusion));
  let count = 0;
  for (const [name, tensor] of checkpoint.tensors) {
    const values = toFloat32(tensor.read());
    count += values.length;
    expect([name, values.every((value) => Math.abs(value) < 2)]).toEqual([name, true]);
    expect([name, new Set(values).size > values.length / 2]).toEqual([name, true]);
  }
  expect(parameters).toBe(count);
});

test.each(['64', '256'] as const)(
  'size %s is the released architecture, in requests of up to 64 images',
  async (size) => {
    const { architecture, max_batch_size, image_size } = {
      image_size: Number(size),
      ...(await recipeOf(size)),
    };
    expect(architecture.diffusion.image_size).toBe(image_size);
    expect(max_batch_size).toBe(64);
    const parameters = [...stateDictOf(architecture.diffusion).values()].reduce(
      (sum, shape) => sum + shape.reduce((product, dim) => product * dim, 1),
      0,
    );
    expect(Math.round(parameters / 1e5) / 10).toBe(size === '64' ? 295.9 : 553.8);
  },
);
