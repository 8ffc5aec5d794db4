/** Inputs to try a model with: noise at timesteps in the middle of the process, where no classifier is certain. */
import { drawNoise } from '../core/index.ts';
import { elementCount } from '../inference/oip/datatype.ts';
import type { NamedTensor } from '../inference/oip/tensor.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { TensorSignature } from '../server/model-runner.ts';

/**
 * Image n of every batch is the same, so that a batch of one can be compared with the first of a larger one.
 *
 * @returns a tensor for each input, by name
 */
export function probeInputs(
  inputs: readonly TensorSignature[],
  batch: number,
  manifest: ModelManifest,
): Map<string, NamedTensor> {
  return new Map(
    inputs.map(({ name, datatype, shape: [, ...rest] }, index) => {
      const shape = [batch, ...rest];
      return [name, { name, datatype, shape, data: values(name, rest, batch, manifest, index) }];
    }),
  );
}

function values(
  name: string,
  shape: readonly number[],
  batch: number,
  manifest: ModelManifest,
  call: number,
): Float32Array | Int32Array | Uint8Array {
  const { steps, rescale_timesteps: rescale } = manifest.diffusion;
  const classes = manifest.classes.length;
  const images = Array.from({ length: batch }, (_, image) => image);
  switch (name) {
    case 'timestep':
      return Float32Array.from(images, (image) => {
        const timestep = (Math.floor(steps / 2) + 7 * image) % steps;
        return rescale ? (timestep * 1000) / steps : timestep;
      });
    case 'guided':
      return new Uint8Array(batch).fill(1);
    case 'label':
      return Int32Array.from(images, (image) => image % classes);
    case 'target': {
      const target = new Float32Array(batch * classes);
      for (const image of images) target[image * classes + (image % classes)] = 1;
      return target;
    }
    default:
      return drawNoise(images, elementCount(shape), call);
  }
}
