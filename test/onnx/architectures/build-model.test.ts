import { describe, expect, it } from 'vitest';
import { buildModel } from '../../../src/onnx/architectures/build-model.ts';
import type { ArchitectureOptions } from '../../../src/onnx/architectures/options.ts';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { serializeModel } from '../../../src/onnx/graph/index.ts';
import ort from '../../../src/onnx/onnxruntime.ts';
import type { Npz } from '../../../src/verify/npz.ts';
import {
  checkpointPath,
  constructors,
  largestError,
  officialModels,
  readNpz,
  releasedOptions,
  shapesOnly,
} from '../fixtures.ts';

const optionsOf = (name: string) => {
  const { class: className, constructor_arguments } = constructors[name]!;
  return optionsFromReference(className, constructor_arguments);
};

/** Runs a golden network on the inputs beside it. */
async function run(name: string, io: Npz): Promise<ort.Tensor> {
  await using checkpoint = await openCheckpoint(checkpointPath(`${name}.pt`));
  const session = await ort.InferenceSession.create(serializeModel(buildModel(checkpoint, optionsOf(name))));
  const arrays = { x: 'x', timestep: 'timesteps', label: 'y', low_res: 'low_res' } as const;
  const feeds = Object.fromEntries(
    session.inputNames.map((input) => {
      const { data, dtype, shape } = io.array(arrays[input as keyof typeof arrays]);
      return [input, new ort.Tensor(dtype as 'float32', data as Float32Array, shape)];
    }),
  );
  const answers = await session.run(feeds);
  return answers[session.outputNames[0]!]!;
}

describe('computes what the reference computes', () => {
  // Two correct float32 implementations differ by about 1e-5 here (answers up to 3.5; logits below 1).
  it.each([
    ['superres_a1', 'output', 3e-5, 'residual resampling, legacy attention, class, low_res'],
    ['unet_a3', 'output', 2e-5, 'fixed resampling, new attention, class'],
    ['tiny_a', 'logits', 1e-6, 'encoder, adaptive pool'],
  ])('%s', async (name, output, tolerance) => {
    const io = readNpz(`checkpoints/${name}_io.npz`);
    const answer = await run(name, io);
    expect(answer.dims).toEqual(io.array(output).shape);
    expect(largestError(answer.data as Float32Array, io.float32(output))).toBeLessThan(tolerance);
  });
});

describe('takes exactly the names and shapes of the released', () => {
  it.each(officialModels.map((model) => [model.name, model] as const))('%s', (_, model) => {
    expect(() => buildModel(shapesOnly(model), releasedOptions(model))).not.toThrow();
  });
});

it('lists all that is missing, unexpected and misshapen at once', async () => {
  await using checkpoint = await openCheckpoint(checkpointPath('tiny_a.pt'));
  const tensors = new Map<string, { shape: readonly number[]; read: () => Float32Array }>();
  for (const [name, { shape }] of checkpoint.tensors)
    tensors.set(name, { shape, read: () => new Float32Array() });
  tensors.delete('out.3.bias');
  tensors.set('extra', { shape: [1], read: () => new Float32Array(1) });
  tensors.set('out.0.bias', { shape: [7], read: () => new Float32Array(7) });
  expect(() => buildModel({ tensors }, optionsOf('tiny_a'))).toThrow(
    'the checkpoint does not fit the architecture: 1 missing (out.3.bias); 1 unexpected (extra); ' +
      '1 misshapen (out.0.bias is [7], expected [32])',
  );
});

describe('says first what the checkpoint is instead', () => {
  const building = async (file: string, options: ArchitectureOptions) => {
    await using checkpoint = await openCheckpoint(checkpointPath(file));
    return () => buildModel(checkpoint, options);
  };

  it('by the options that names and shapes show', async () => {
    const wider = { ...optionsOf('unet_a3'), model_channels: 64, num_classes: undefined };
    expect(await building('unet_a3.pt', wider as ArchitectureOptions)).toThrow(
      'the checkpoint does not fit the architecture: a UNetModel with num_classes 7 instead of none, model_channels 32 instead of 64; ',
    );
    const flat = { ...optionsOf('unet_a3'), channel_mult: [1, 2], attention_resolutions: [2, 1] };
    expect(await building('unet_a3.pt', flat)).toThrow(
      ': a UNetModel with attention_resolutions [1] instead of [1,2], channel_mult [1,1] instead of [1,2]; ',
    );
  });

  it('by its kind', async () => {
    expect(await building('tiny_a.pt', optionsOf('unet_a3'))).toThrow(
      ': an EncoderUNetModel instead of a UNetModel; ',
    );
    expect(await building('superres_a1.pt', { ...optionsOf('superres_a1'), in_channels: 1 })).toThrow(
      ': a SuperResModel with in_channels 6 instead of 2; ',
    );
  });

  it('by what it lacks to be any of these networks', () => {
    const tensors = new Map([['fc.weight', { shape: [1], read: () => new Float32Array(1) }]]);
    expect(() => buildModel({ tensors }, optionsOf('unet_a3'))).toThrow(
      ': not a network of guided diffusion: it has no time_embed.0.weight; ',
    );
  });
});

it('reads no weight before the graph is written', async () => {
  const checkpoint = await openCheckpoint(checkpointPath('tiny_a.pt'));
  await checkpoint.close();
  const graph = buildModel(checkpoint, optionsOf('tiny_a'));
  expect(() => serializeModel(graph)).toThrow('tiny_a.pt: tensor');
});
