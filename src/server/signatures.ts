/** The models on the wire that one model folder gives (src/inference/oip/model-names.ts). */
import { wireName } from '../inference/oip/model-names.ts';
import { type ModelManifest, modelDigest } from '../models/manifest.ts';
import type { ModelSignature, TensorSignature } from './model-runner.ts';

/** @returns signatures of the U-Net alone and, if there is a classifier, of its gradient and of both together */
export function signaturesOf(manifest: ModelManifest): {
  readonly diffusion: ModelSignature;
  readonly classifier: ModelSignature | null;
  readonly guided: ModelSignature | null;
} {
  const { id, image, low_res, classes, output_channels, max_batch_size: maxBatchSize } = manifest;
  const digest = modelDigest(manifest);
  const imageShape = [-1, image.channels, image.height, image.width];
  const float = (name: string, shape: readonly number[]): TensorSignature => ({
    name,
    datatype: 'FP32',
    shape,
  });

  const state = [float('x', imageShape), float('timestep', [-1])];
  const label: TensorSignature = { name: 'label', datatype: 'INT32', shape: [-1], below: classes.length };
  const lowRes = low_res && float('low_res', [-1, image.channels, low_res.height, low_res.width]);
  const target = float('target', [-1, classes.length]);
  const diffusion: ModelSignature = {
    name: wireName.diffusion(id),
    digest,
    inputs: [...state, ...(manifest.class_conditional ? [label] : []), ...(lowRes ? [lowRes] : [])],
    outputs: [float('output', [-1, output_channels, image.height, image.width])],
    maxBatchSize,
  };
  if (manifest.graphs.gradient === undefined) return { diffusion, classifier: null, guided: null };

  const classifier: ModelSignature = {
    name: wireName.classifier(id),
    digest,
    inputs: [...state, target],
    outputs: [float('gradient', imageShape), float('log_probs', [-1, classes.length])],
    maxBatchSize,
  };
  const guided: ModelSignature = {
    name: wireName.guided(id),
    digest,
    inputs: [...diffusion.inputs, target, GUIDED],
    outputs: [...diffusion.outputs, ...classifier.outputs],
    maxBatchSize,
  };
  return { diffusion, classifier, guided };
}

/** Which images of the batch want their gradient, all if it is left out; the others' rows are zeros. */
export const GUIDED: TensorSignature = { name: 'guided', datatype: 'BOOL', shape: [-1], optional: true };
