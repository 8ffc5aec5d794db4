import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unetOptions } from '../../src/onnx/architectures/options.ts';
import { optionsFromReference } from '../../src/onnx/architectures/reference-options.ts';
import { loadRecipe, type Recipe } from '../../src/onnx/convert/recipe.ts';
import { convertModel } from '../../src/onnx/convert.ts';
import { checkpointPath, constructors } from './fixtures.ts';

const { class: className, constructor_arguments } = constructors.unet_a3!;
const recipe: Recipe = {
  ...(await loadRecipe('mnist-32')),
  id: 'small',
  architecture: { diffusion: unetOptions.parse(optionsFromReference(className, constructor_arguments)) },
  classes: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
};
const diffusion = checkpointPath('unet_a3.pt');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-convert-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const contents = (path: string) =>
  Object.fromEntries(
    readdirSync(path).map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(path, file)))
        .digest('hex'),
    ]),
  );

it('gives the same bytes every time, and replaces what was there', async () => {
  const out = join(folder, 'small');
  await convertModel({ recipe, diffusion, out });
  const first = contents(out);
  writeFileSync(join(out, 'stray'), 'from before');
  await convertModel({ recipe, diffusion, out });
  expect(contents(out)).toEqual(first);
  expect(Object.keys(first)).toEqual(['diffusion.onnx', 'model.json']);
});

it('writes a manifest that describes what it wrote', async () => {
  const out = join(folder, 'small');
  const manifest = await convertModel({ recipe, diffusion, out, id: 'other-name' });
  expect(manifest).toMatchObject({
    id: 'other-name',
    image: { channels: 1, height: 16, width: 16 },
    class_conditional: true,
    output_channels: 2,
    graphs: { diffusion: { file: 'diffusion.onnx', sha256: contents(out)['diffusion.onnx'] } },
  });
  expect(JSON.parse(readFileSync(join(out, 'model.json'), 'utf8'))).toEqual(manifest);
});

it('halves the file with half-precision weights', async () => {
  const bytes = async (weights: 'float32' | 'float16') =>
    (await convertModel({ recipe, diffusion, out: join(folder, weights), weights })).graphs.diffusion.bytes;
  expect((await bytes('float16')) / (await bytes('float32'))).toBeLessThan(0.6);
});

it.each([
  ['half-precision weights', { weights: 'float16' }],
  ['a torso in half precision', { weights: 'float32', dtype: 'fp16' }],
] as const)('tells how far %s are from float32, and leaves nothing of that behind', async (_, precision) => {
  const told: [string, number][] = [];
  await convertModel({
    recipe,
    diffusion,
    out: join(folder, 'small'),
    ...precision,
    externalFrom: 0,
    onPrecision: (file, errors) => {
      for (const { output, error, largest } of errors) told.push([`${file} ${output}`, error / largest]);
    },
  });
  expect(told).toEqual([['diffusion.onnx output', expect.any(Number)]]);
  expect(told[0]![1]).toBeLessThan(0.01);
  expect(told[0]![1]).toBeGreaterThan(1e-5);
  expect(Object.keys(contents(join(folder, 'small')))).toEqual([
    'diffusion.onnx',
    'diffusion.onnx.data',
    'model.json',
  ]);
});

it('measures nothing in float32', async () => {
  const onPrecision = () => {
    throw new Error('measured');
  };
  await convertModel({ recipe, diffusion, out: join(folder, 'small'), weights: 'float32', onPrecision });
});

it('tells its progress from the first part to the last', async () => {
  const seen: string[] = [];
  const onProgress = (part: string, done: number, total: number) => seen.push(`${part} ${done}/${total}`);
  await convertModel({ recipe, diffusion, out: join(folder, 'small'), onProgress });
  expect(seen).toEqual(['diffusion 0/1', 'model.json 1/1']);
});

describe('a conversion that fails', () => {
  it.each([
    [
      'a checkpoint that does not fit',
      checkpointPath('tiny_a.pt'),
      /tiny_a\.pt: the checkpoint does not fit/,
    ],
    [
      'a damaged checkpoint',
      checkpointPath('truncated.pt'),
      /truncated\.pt: a damaged or truncated zip file/,
    ],
  ])('leaves the folder as it was: %s', async (_, bad, message) => {
    const out = join(folder, 'small');
    await convertModel({ recipe, diffusion, out });
    const before = contents(out);
    await expect(convertModel({ recipe, diffusion: bad, out })).rejects.toThrow(message);
    expect(contents(out)).toEqual(before);
    expect(readdirSync(folder)).toEqual(['small']);
  });

  it('because of a classifier that is missing or not wanted says so', async () => {
    const out = join(folder, 'small');
    const guided = await loadRecipe('mnist-32');
    await expect(convertModel({ recipe: guided, diffusion, out })).rejects.toThrow(
      "needs a classifier's checkpoint",
    );
    await expect(convertModel({ recipe, diffusion, classifier: diffusion, out })).rejects.toThrow(
      'no classifier',
    );
  });
});
