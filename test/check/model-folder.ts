/** A small model folder that is right, and ways to spoil it. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphFile, ModelManifest } from '../../src/models/manifest.ts';
import { GraphBuilder, serializeModel, type Value } from '../../src/onnx/graph/index.ts';

const [CHANNELS, SIZE, CLASSES] = [2, 3, 4];
const PIXELS = CHANNELS * SIZE * SIZE;
const WEIGHTS = Array.from({ length: PIXELS * CLASSES }, (_, i) => Math.sin(1 + 3 * i));

/** output = [x, x * timestep] along the channels, then whatever `spoil` makes of it. */
export function diffusion(
  spoil: (g: GraphBuilder, output: Value) => Value = (_, output) => output,
  channels: number = CHANNELS,
): Uint8Array {
  const g = new GraphBuilder({ name: 'diffusion' });
  const x = g.input('x', 'float32', ['N', channels, SIZE, SIZE]);
  const timestep = g.op('Reshape', [g.input('timestep', 'float32', ['N']), g.ints([-1, 1, 1, 1])]);
  const output = g.op('Concat', [x, g.op('Mul', [x, timestep])], { axis: 1 });
  g.output(spoil(g, output), 'output');
  return serializeModel(g.build());
}

function logits(g: GraphBuilder, scale: number): { logits: Value; weights: Value } {
  const x = g.input('x', 'float32', ['N', CHANNELS, SIZE, SIZE]);
  g.input('timestep', 'float32', ['N']);
  const weights = g.op('Reshape', [g.constant(WEIGHTS.map((w) => scale * w)), g.ints([PIXELS, CLASSES])]);
  return { logits: g.op('MatMul', [g.op('Reshape', [x, g.ints([-1, PIXELS])]), weights]), weights };
}

export function classifier(scale = 1): Uint8Array {
  const g = new GraphBuilder({ name: 'classifier' });
  g.output(logits(g, scale).logits, 'logits');
  return serializeModel(g.build());
}

/** Of the linear classifier; a factor other than 1 makes gradient or log_probs wrong. */
export function gradient(factors: { gradient?: number; logProbs?: number } = {}): Uint8Array {
  const g = new GraphBuilder({ name: 'gradient' });
  const { logits: scores, weights } = logits(g, 1);
  const target = g.input('target', 'float32', ['N', CLASSES]);
  const logProbs = g.op('LogSoftmax', [scores], { axis: 1 });
  const residual = g.op('Sub', [target, g.op('Exp', [logProbs])]);
  const flat = g.op('MatMul', [residual, g.op('Transpose', [weights], { perm: [1, 0] })]);
  const image = g.op('Reshape', [flat, g.ints([-1, CHANNELS, SIZE, SIZE])]);
  const times = (value: Value, factor = 1) => g.op('Mul', [value, g.constant([factor])]);
  g.output(times(image, factors.gradient), 'gradient');
  g.output(times(logProbs, factors.logProbs), 'log_probs');
  return serializeModel(g.build());
}

export interface Parts {
  readonly diffusion?: Uint8Array;
  readonly classifier?: Uint8Array;
  readonly gradient?: Uint8Array;
  readonly manifest?: (manifest: ModelManifest) => object;
}

/** Writes a model folder whose digests are right. @returns its path */
export async function writeModel(parent: string, id: string, parts: Parts = {}): Promise<string> {
  const folder = join(parent, id);
  await mkdir(folder, { recursive: true });
  const write = async (file: string, bytes: Uint8Array): Promise<GraphFile> => {
    await writeFile(join(folder, file), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { file, bytes: bytes.byteLength, sha256 };
  };
  const manifest: ModelManifest = {
    manifest_version: 1,
    id,
    name: id,
    image: { channels: CHANNELS, height: SIZE, width: SIZE },
    classes: ['a', 'b', 'c', 'd'],
    class_conditional: false,
    diffusion: {
      steps: 100,
      noise_schedule: 'linear',
      mean_type: 'epsilon',
      variance_type: 'learned_range',
      rescale_timesteps: true,
    },
    output_channels: 2 * CHANNELS,
    max_batch_size: 3,
    defaults: { sampler: 'ddpm', steps: '10', guidance_scale: 1, eta: 0, clip_denoised: true },
    graphs: {
      diffusion: await write('diffusion.onnx', parts.diffusion ?? diffusion()),
      classifier: await write('classifier.onnx', parts.classifier ?? classifier()),
      gradient: await write('gradient.onnx', parts.gradient ?? gradient()),
    },
  };
  const content = parts.manifest?.(manifest) ?? manifest;
  await writeFile(join(folder, 'model.json'), JSON.stringify(content));
  return folder;
}
