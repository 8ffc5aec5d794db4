import { describe, expect, it } from 'vitest';
import { inferOptions } from '../../../src/onnx/architectures/infer-options.ts';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { checkpointPath, constructors, officialModels, releasedOptions, shapesOnly } from '../fixtures.ts';

describe('finds the options of the released', () => {
  const models = officialModels.filter(({ kind }) => kind !== 'SuperResModel');
  it.each(models.map((model) => [model.name, model] as const))('%s', (_, model) => {
    const { options } = inferOptions(shapesOnly(model));
    expect(releasedOptions(model)).toMatchObject(options);
    expect(Object.keys(options)).toEqual(expect.arrayContaining(['channel_mult', 'attention_resolutions']));
  });
});

it('tells fixed resampling, which has no weights, from learned', async () => {
  await using checkpoint = await openCheckpoint(checkpointPath('unet_a3.pt'));
  const { class: className, constructor_arguments } = constructors.unet_a3!;
  const { options } = inferOptions(checkpoint);
  expect(options.conv_resample).toBe(false);
  expect(optionsFromReference(className, constructor_arguments)).toMatchObject(options);
});

it('names what names and shapes do not say', async () => {
  const upsampler = officialModels.find(({ kind }) => kind === 'SuperResModel')!;
  const { options, undetermined } = inferOptions(shapesOnly(upsampler));
  expect(options).toMatchObject({ kind: 'unet', in_channels: 6 });
  expect(undetermined).toEqual([
    'kind',
    'image_size',
    'num_heads or num_head_channels',
    'use_new_attention_order',
  ]);
});

it('refuses names of another kind of network', () => {
  const tensors = new Map([['conv1.weight', { shape: [8, 3, 3, 3], read: () => new Float32Array() }]]);
  expect(() => inferOptions({ tensors })).toThrow(
    'not a network of guided diffusion: it has no time_embed.0.weight',
  );
});
