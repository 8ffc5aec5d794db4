import { describe, expect, it } from 'vitest';
import { loadRecipe, parseRecipe, type Recipe } from '../../../src/onnx/convert/recipe.ts';

const mnist = await loadRecipe('mnist-32');
const parsed = (change: (recipe: Recipe) => unknown): unknown => {
  const recipe = structuredClone(mnist);
  change(recipe);
  return parseRecipe(JSON.stringify(recipe), 'test.json');
};

it('fills in what the reference takes by default', () => {
  expect(mnist.architecture.diffusion).toMatchObject({ num_heads: 1, conv_resample: true });
  expect(mnist.architecture.classifier).toMatchObject({ use_new_attention_order: false });
});

describe('refuses, naming the field', () => {
  it.each<[string, (recipe: Recipe) => unknown, RegExp]>([
    ['a field that does not exist', (r) => Object.assign(r, { colour: 1 }), /colour/],
    ['a wrong type', (r) => Object.assign(r.diffusion, { steps: 'many' }), /diffusion\.steps: /],
    ['fewer names than classes', (r) => r.classes.pop(), /classes: 9 names for 10 classes/],
    [
      'outputs that do not fit the variance',
      (r) => Object.assign(r.diffusion, { variance_type: 'fixed_small' }),
      /out_channels: variance_type fixed_small on 1 channels needs 1/,
    ],
    [
      'a classifier of other images',
      (r) => Object.assign(r.architecture.classifier!, { image_size: 64, in_channels: 3 }),
      /in_channels: expected 1.*image_size: expected 32/,
    ],
  ])('%s', (_, change, message) => {
    expect(() => parsed(change)).toThrow(message);
    expect(() => parsed(change)).toThrow(/^recipe test\.json is not valid: [^\n]*$/);
  });

  it('a text that is not JSON', () => {
    expect(() => parseRecipe('{', 'test.json')).toThrow('recipe test.json is not JSON');
  });
});

it('says how a recipe is named when there is none', async () => {
  await expect(loadRecipe('mnist-33')).rejects.toThrow('no recipe is called mnist-33');
  await expect(loadRecipe('./absent.json')).rejects.toThrow("recipe ./absent.json can't be read");
});
