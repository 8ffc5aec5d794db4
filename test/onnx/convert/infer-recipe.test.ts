import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeTorchCheckpoint } from '../../../src/bench/torch-checkpoint.ts';
import { stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { inferRecipe, type ModelFacts } from '../../../src/onnx/convert/infer-recipe.ts';
import { loadRecipe } from '../../../src/onnx/convert/recipe.ts';
import { checkpointPath, constructors } from '../fixtures.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-infer-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const unet = { path: checkpointPath('unet_a3.pt') };
const nothing: ModelFacts = { diffusion: {}, classifier: {} };

it('needs only what names and shapes do not say', async () => {
  const facts = { numHeads: 2, attentionOrder: 'new' } as const;
  const recipe = await inferRecipe(unet, undefined, {
    ...nothing,
    imageSize: 16,
    noiseSchedule: 'cosine',
    diffusion: facts,
  });
  const { class: className, constructor_arguments } = constructors.unet_a3!;
  expect(recipe.architecture.diffusion).toEqual(optionsFromReference(className, constructor_arguments));
  expect(recipe).toMatchObject({
    id: 'unet-a3',
    classes: ['class 0', 'class 1', 'class 2', 'class 3', 'class 4', 'class 5', 'class 6'],
    diffusion: { steps: 1000, noise_schedule: 'cosine', variance_type: 'learned_range' },
  });
});

it('asks for the rest at once, by flag', async () => {
  await expect(inferRecipe(unet, undefined, nothing)).rejects.toThrow(
    'names and shapes do not say all of unet_a3.pt; give --image-size <pixels>, --num-heads <n> or ' +
      '--num-head-channels <n>, --attention-order <legacy|new>, --noise-schedule <linear|cosine>, or a --preset',
  );
});

it("reads the image size off the classifier's attention pool, and asks for its heads by name", async () => {
  const { architecture } = await loadRecipe('mnist-32');
  const [diffusion, classifier] = ['diffusion.pt', 'classifier.pt'].map((name) => ({
    path: join(root, name),
  }));
  writeTorchCheckpoint(diffusion!.path, stateDictOf(architecture.diffusion));
  writeTorchCheckpoint(classifier!.path, stateDictOf(architecture.classifier!));
  const network = { numHeadChannels: 32, attentionOrder: 'new' } as const;
  const given = { ...nothing, noiseSchedule: 'cosine', diffusion: network } as const;
  await expect(inferRecipe(diffusion!, classifier, given)).rejects.toThrow(
    'give --classifier-num-head-channels <n>, --classifier-attention-order <legacy|new>, or a --preset',
  );
  const complete = { ...given, classifier: { ...network, attentionOrder: 'legacy' } } as const;
  expect((await inferRecipe(diffusion!, classifier, complete)).architecture).toEqual(architecture);
});

it('makes an upsampler of a U-Net whose input is twice an image', async () => {
  const diffusion = { numHeads: 2, attentionOrder: 'legacy' } as const;
  const facts = { ...nothing, imageSize: 16, lowResSize: 4, noiseSchedule: 'linear', diffusion } as const;
  const recipe = await inferRecipe({ path: checkpointPath('superres_a1.pt') }, undefined, facts);
  expect(recipe).toMatchObject({
    low_res: { height: 4, width: 4 },
    architecture: { diffusion: { kind: 'super_resolution', in_channels: 3, out_channels: 6 } },
  });
});

it('tells a classifier from a diffusion model', async () => {
  await expect(inferRecipe({ path: checkpointPath('tiny_a.pt') }, unet, nothing)).rejects.toThrow(
    /tiny_a\.pt holds a classifier, and a diffusion model is expected/,
  );
});
