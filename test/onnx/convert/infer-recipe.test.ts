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

it('asks whether a U-Net enlarges images where it may, and believes the answer only where it fits', async () => {
  const superres = { path: checkpointPath('superres_a1.pt') };
  await expect(inferRecipe(superres, undefined, nothing)).rejects.toThrow(
    'give --image-size <pixels>, --low-res-size <pixels> (0 if it enlarges no image), --num-heads',
  );
  const facts = { ...nothing, imageSize: 16, noiseSchedule: 'linear' } as const;
  const diffusion = { numHeads: 2, attentionOrder: 'new' } as const;
  const plain = await inferRecipe(superres, undefined, { ...facts, diffusion, lowResSize: 0 });
  expect(plain.architecture.diffusion).toMatchObject({ kind: 'unet', in_channels: 6, out_channels: 6 });
  expect(plain.low_res).toBeUndefined();
  await expect(inferRecipe(unet, undefined, { ...facts, diffusion, lowResSize: 4 })).rejects.toThrow(
    /unet_a3\.pt takes no second image \(1 channels in, 2 out\), but --low-res-size is 4/,
  );
});

it('takes what the training scripts could be told beside', async () => {
  const recipe = await inferRecipe(unet, undefined, {
    ...nothing,
    imageSize: 16,
    noiseSchedule: 'linear',
    diffusionSteps: 4000,
    predictsXstart: true,
    rescaleTimesteps: true,
    diffusion: { numHeads: 2, numHeadsUpsample: 4, attentionOrder: 'new' },
  });
  expect(recipe).toMatchObject({
    diffusion: { steps: 4000, mean_type: 'x_start', rescale_timesteps: true },
    architecture: { diffusion: { num_heads: 2, num_heads_upsample: 4 } },
  });
});

it('tells a classifier from a diffusion model', async () => {
  await expect(inferRecipe({ path: checkpointPath('tiny_a.pt') }, unet, nothing)).rejects.toThrow(
    /tiny_a\.pt holds a classifier, and a diffusion model is expected/,
  );
});
