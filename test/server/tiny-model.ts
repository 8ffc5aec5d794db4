/** Model folders whose answers can be worked out by hand. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelManifest } from '../../src/models/manifest.ts';
import { GraphBuilder, serializeModel, type Value } from '../../src/onnx/graph/index.ts';

/** Images of the tiny models: two channels of 2x3 pixels; three classes. */
export const IMAGE = { channels: 2, height: 2, width: 3 };
export const CLASSES = 3;

/** What the images are at the graph's ends, x and what is answered; inside and in all else it is float32. */
type ImageType = 'float32' | 'float16';

function imageInput(g: GraphBuilder, type: ImageType): Value {
  const x = g.input('x', type, ['N', IMAGE.channels, IMAGE.height, IMAGE.width]);
  return type === 'float32' ? x : g.cast(x, 'float32');
}

function imageOutput(g: GraphBuilder, value: Value, name: string, type: ImageType): void {
  g.output(type === 'float32' ? value : g.cast(value, type), name);
}

/** output = [x * timestep, x + 1] along the channels, plus the label if there is one. */
export function tinyDiffusion(conditional = false, type: ImageType = 'float32'): Uint8Array {
  const g = new GraphBuilder({ name: 'tiny-diffusion' });
  const x = imageInput(g, type);
  const timestep = g.input('timestep', 'float32', ['N']);
  const perImage = g.ints([-1, 1, 1, 1]);
  const scaled = g.op('Mul', [x, g.op('Reshape', [timestep, perImage])]);
  const shifted = g.op('Add', [x, g.constant([1])]);
  let output = g.op('Concat', [scaled, shifted], { axis: 1 });
  if (conditional) {
    const label = g.op('Cast', [g.input('label', 'int32', ['N'])], { to: 1 });
    output = g.op('Add', [output, g.op('Reshape', [label, perImage])]);
  }
  imageOutput(g, output, 'output', type);
  return serializeModel(g.build());
}

/** gradient = x * (sum of the targets) + timestep, log_probs = -target. */
export function tinyGradient(type: ImageType = 'float32'): Uint8Array {
  const g = new GraphBuilder({ name: 'tiny-gradient' });
  const x = imageInput(g, type);
  const timestep = g.input('timestep', 'float32', ['N']);
  const target = g.input('target', 'float32', ['N', CLASSES]);
  const perImage = g.ints([-1, 1, 1, 1]);
  const weight = g.op('Reshape', [g.op('ReduceSum', [target, g.ints([1])], { keepdims: 1 }), perImage]);
  const gradient = g.op('Add', [g.op('Mul', [x, weight]), g.op('Reshape', [timestep, perImage])]);
  imageOutput(g, gradient, 'gradient', type);
  g.output(g.op('Neg', [target]), 'log_probs');
  return serializeModel(g.build());
}

export interface TinyOptions {
  readonly id: string;
  readonly conditional?: boolean;
  readonly guided?: boolean;
  readonly maxBatchSize?: number;
  readonly imageType?: ImageType;
}

/** The manifest that fits graphs with these bytes. */
export function tinyManifest(
  { id, conditional = false, maxBatchSize = 4 }: TinyOptions,
  diffusion: Uint8Array,
  gradient: Uint8Array | null,
): ModelManifest {
  const graph = (file: string, bytes: Uint8Array) => ({
    file,
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    manifest_version: 1,
    id,
    name: id,
    image: IMAGE,
    classes: ['a', 'b', 'c'],
    class_conditional: conditional,
    diffusion: {
      steps: 10,
      noise_schedule: 'linear',
      mean_type: 'epsilon',
      variance_type: 'learned_range',
      rescale_timesteps: false,
    },
    output_channels: 2 * IMAGE.channels,
    max_batch_size: maxBatchSize,
    defaults: { sampler: 'ddpm', steps: '5', guidance_scale: 1, eta: 0, clip_denoised: true },
    graphs: {
      diffusion: graph('diffusion.onnx', diffusion),
      ...(gradient === null ? {} : { gradient: graph('gradient.onnx', gradient) }),
    },
  };
}

/** Writes a whole model folder into `modelsDir`. */
export async function writeTinyModel(modelsDir: string, options: TinyOptions): Promise<ModelManifest> {
  const folder = join(modelsDir, options.id);
  const diffusion = tinyDiffusion(options.conditional, options.imageType);
  const gradient = options.guided === false ? null : tinyGradient(options.imageType);
  const manifest = tinyManifest(options, diffusion, gradient);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'diffusion.onnx'), diffusion);
  if (gradient !== null) await writeFile(join(folder, 'gradient.onnx'), gradient);
  await writeFile(join(folder, 'model.json'), JSON.stringify(manifest));
  return manifest;
}
