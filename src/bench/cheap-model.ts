/** A model folder whose graphs do next to nothing: what is left of a step is the way to them and back. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelManifest } from '../models/manifest.ts';
import { GraphBuilder, serializeModel } from '../onnx/graph/index.ts';
import type { StepShape } from './step-client.ts';

export interface CheapGraphs {
  readonly diffusion: Uint8Array;
  readonly gradient: Uint8Array;
}

/** output = [x * timestep, x] along the channels, gradient = x * (sum of the targets) + timestep. */
export function cheapGraphs({ image }: StepShape): CheapGraphs {
  const start = (name: string) => {
    const g = new GraphBuilder({ name });
    const perImage = g.ints([-1, 1, 1, 1]);
    const x = g.input('x', 'float32', ['N', ...image]);
    const timestep = g.op('Reshape', [g.input('timestep', 'float32', ['N']), perImage]);
    return { g, perImage, x, timestep };
  };
  const unet = start('diffusion');
  const scaled = unet.g.op('Mul', [unet.x, unet.timestep]);
  unet.g.output(unet.g.op('Concat', [scaled, unet.x], { axis: 1 }), 'output');

  const { g, perImage, x, timestep } = start('gradient');
  const target = g.input('target', 'float32', ['N', 'classes']);
  const weight = g.op('Reshape', [g.op('ReduceSum', [target, g.ints([1])], { keepdims: 1 }), perImage]);
  g.output(g.op('Add', [g.op('Mul', [x, weight]), timestep]), 'gradient');
  g.output(g.op('Neg', [target]), 'log_probs');
  return { diffusion: serializeModel(unet.g.build()), gradient: serializeModel(g.build()) };
}

/** Writes the folder into `modelsDir`. */
export async function writeCheapModel(modelsDir: string, shape: StepShape): Promise<void> {
  const graphs = cheapGraphs(shape);
  const [channels, height, width] = shape.image;
  const fileOf = (name: keyof CheapGraphs) => ({
    file: `${name}.onnx`,
    bytes: graphs[name].byteLength,
    sha256: createHash('sha256').update(graphs[name]).digest('hex'),
  });
  const manifest: ModelManifest = {
    manifest_version: 1,
    id: shape.model,
    name: shape.model,
    image: { channels, height, width },
    classes: Array.from({ length: shape.classes }, (_, i) => String(i)),
    class_conditional: false,
    diffusion: {
      steps: 1000,
      noise_schedule: 'linear',
      mean_type: 'epsilon',
      variance_type: 'learned_range',
      rescale_timesteps: false,
    },
    output_channels: 2 * channels,
    max_batch_size: 1,
    defaults: { sampler: 'ddpm', steps: '50', guidance_scale: 1, eta: 0, clip_denoised: true },
    graphs: { diffusion: fileOf('diffusion'), gradient: fileOf('gradient') },
  };
  const folder = join(modelsDir, shape.model);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'diffusion.onnx'), graphs.diffusion);
  await writeFile(join(folder, 'gradient.onnx'), graphs.gradient);
  await writeFile(join(folder, 'model.json'), JSON.stringify(manifest));
}
