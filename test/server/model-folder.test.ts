import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unetOptions } from '../../src/onnx/architectures/options.ts';
import { optionsFromReference } from '../../src/onnx/architectures/reference-options.ts';
import { loadRecipe } from '../../src/onnx/convert/recipe.ts';
import { convertModel } from '../../src/onnx/convert.ts';
import { checkpointPath, constructors } from '../onnx/fixtures.ts';
import { openRepository } from './repository.ts';

let root: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cairn-models-'));
  const { class: className, constructor_arguments } = constructors.unet_a3!;
  const recipe = {
    ...(await loadRecipe('mnist-32')),
    id: 'large',
    architecture: { diffusion: unetOptions.parse(optionsFromReference(className, constructor_arguments)) },
    classes: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
  };
  await convertModel({
    recipe,
    diffusion: checkpointPath('unet_a3.pt'),
    out: join(root, 'large'),
    externalFrom: 0,
  });
});
afterEach(() => rmSync(root, { recursive: true }));

async function load() {
  const { repository } = await openRepository(root);
  const found = { models: [...repository.models.keys()], refused: repository.refused };
  await repository.close();
  return found;
}

it('loads a model whose weights are in a file of their own', async () => {
  const { models, refused } = await load();
  expect(refused).toEqual([]);
  expect(models).toEqual(['large']);
});

it('refuses it when those weights are not the described ones', async () => {
  const path = join(root, 'large', 'diffusion.onnx.data');
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  expect((await load()).refused[0]?.reason).toMatch(/diffusion\.onnx\.data has SHA-256 .*, model\.json says/);
  appendFileSync(path, 'x');
  expect((await load()).refused[0]?.reason).toMatch(/diffusion\.onnx\.data has \d+ bytes, model\.json says/);
  rmSync(path);
  expect((await load()).refused[0]?.reason).toContain('diffusion.onnx.data');
});

it('does not look into conversions under way', async () => {
  renameSync(join(root, 'large'), join(root, '.large-1-abcdef'));
  const { models, refused } = await load();
  expect([models, refused]).toEqual([[], []]);
});
