import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { findModel, listModels, offerModel } from '../../src/models/registry.ts';
import { InferenceSession, Tensor } from '../../src/onnx/onnxruntime.ts';
import { writeVariants } from '../../src/study/variants.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-study-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function outputOf(graph: string): Promise<Tensor> {
  const session = await InferenceSession.create(graph, { intraOpNumThreads: 1 });
  const x = new Tensor('float32', drawNoise([1, 2], 1024, 0), [2, 1, 32, 32]);
  const timestep = new Tensor('float32', Float32Array.of(10, 900), [2]);
  const { output } = await session.run({ x, timestep });
  await session.release();
  return output!;
}

test('a model of fixed variance puts out the mean half of mnist-32 and has its gradient', async () => {
  const [learned, fixed] = await writeVariants(folder, ['mnist-32', 'mnist-32-fixed-large'], null);
  expect(fixed).toMatchObject({
    id: 'mnist-32-fixed-large',
    output_channels: 1,
    diffusion: { ...learned!.diffusion, variance_type: 'fixed_large' },
    graphs: { gradient: learned!.graphs.gradient },
  });
  const all = await outputOf(join(folder, 'mnist-32/diffusion.onnx'));
  const half = await outputOf(join(folder, 'mnist-32-fixed-large/diffusion.onnx'));
  expect(half.dims).toEqual([2, 1, 32, 32]);
  const values = all.data as Float32Array;
  expect(half.data).toEqual(Float32Array.of(...values.subarray(0, 1024), ...values.subarray(2048, 3072)));
});

test('other precisions are converted from the checkpoints alone', async () => {
  await expect(writeVariants(folder, ['mnist-32-fp32'], null)).rejects.toThrow(
    'mnist-32-fp32 is converted from the checkpoints of mnist-32: --checkpoints',
  );
});

test('a Worker may offer models that are not installed', async () => {
  const [fixed] = await writeVariants(folder, ['mnist-32-fixed-small'], null);
  expect(findModel('mnist-32-fixed-small')).toBeNull();
  offerModel(fixed, 'the study');
  expect(findModel('mnist-32-fixed-small')).toEqual(fixed);
  expect(listModels().map(({ id }) => id)).toContain('mnist-32');
  expect(() => offerModel({ ...fixed, id: 'No' }, 'the study')).toThrow(
    'the study is not a valid model.json: id',
  );
});
