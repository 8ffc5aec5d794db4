import { describe, expect, it } from 'vitest';
import { stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { loadRecipe, parseRecipe, type Recipe, recipeNames } from '../../../src/onnx/convert/recipe.ts';
import { officialModels, releasedOptions } from '../fixtures.ts';

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
      'images that do not come back to their size',
      (r) => {
        r.architecture.diffusion.image_size = 30;
        r.architecture.classifier!.image_size = 30;
      },
      /diffusion\.image_size: 30 pixels can't be halved 2 times/,
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

const parametersOf = (recipe: Recipe, role: 'diffusion' | 'classifier') =>
  [...stateDictOf(recipe.architecture[role]!).values()]
    .map((shape) => shape.reduce((a, b) => a * b, 1))
    .reduce((a, b) => a + b, 0);

describe('the presets of the released models', () => {
  it.each([
    ['imagenet-64', 'diffusion', '64x64_diffusion'],
    ['imagenet-64', 'classifier', '64x64_classifier'],
    ['imagenet-128', 'diffusion', '128x128_diffusion'],
    ['imagenet-128', 'classifier', '128x128_classifier'],
    ['imagenet-256', 'diffusion', '256x256_diffusion'],
    ['imagenet-256', 'classifier', '256x256_classifier'],
    ['imagenet-256-uncond', 'diffusion', '256x256_diffusion_uncond'],
    ['imagenet-64-to-256', 'diffusion', '64_256_upsampler'],
    ['lsun-bedroom', 'diffusion', 'lsun_bedroom'],
  ] as const)('%s has the %s that the flags of %s make', async (name, role, model) => {
    const recipe = await loadRecipe(name);
    const official = officialModels.find((entry) => entry.name === model)!;
    expect(stateDictOf(recipe.architecture[role]!)).toEqual(new Map(Object.entries(official.state_dict)));
    const expected = releasedOptions(official);
    // With channels per head, the number of heads has no effect.
    expect({ ...recipe.architecture[role], num_heads: 1 }).toEqual({
      ...expected,
      num_heads: expect.any(Number),
    });
  });

  it.each([
    ['imagenet-512', 'diffusion', 559.0],
    ['imagenet-512', 'classifier', 54.4],
    ['imagenet-128-to-512', 'diffusion', 308.8],
    ['lsun-cat', 'diffusion', 552.8],
    ['lsun-horse', 'diffusion', 552.8],
  ] as const)('%s has a %s of %d million parameters', async (name, role, millions) => {
    expect(parametersOf(await loadRecipe(name), role) / 1e6).toBeCloseTo(millions, 1);
  });

  it('are each named after their id', async () => {
    for (const name of await recipeNames()) expect((await loadRecipe(name)).id).toBe(name);
  });

  it("know ImageNet's classes in their order, each by a name of its own", async () => {
    const { classes } = await loadRecipe('imagenet-256');
    expect(new Set(classes).size).toBe(1000);
    expect([0, 1, 207, 281, 417, 933, 980, 999].map((index) => classes[index])).toEqual([
      'tench',
      'goldfish',
      'golden retriever',
      'tabby',
      'balloon',
      'cheeseburger',
      'volcano',
      'toilet tissue',
    ]);
  });
});

it('refuses an upsampler that does not say the size of its input', () => {
  const change = (recipe: Recipe) =>
    Object.assign(recipe.architecture.diffusion, { kind: 'super_resolution' });
  expect(() => parsed(change)).toThrow('low_res: expected for a super-resolution model');
});
