/** The guided job that every measurement of a step takes: the model's defaults, a class per image. */
import type { BatchSpec } from '../durable/spec.ts';
import { type ModelManifest, modelDigest } from '../models/manifest.ts';

export const MODEL = 'mnist-32';
export const SEED = 1;

/** Class of each image, in order. */
export function classesOf(batch: number): number[] {
  return Array.from({ length: batch }, (_, i) => i % 10);
}

/** The one batch that a job of this size is, as the job object would describe it. */
export function oneBatch(manifest: ModelManifest, batch: number, steps: number): BatchSpec {
  const { sampler, eta, clip_denoised, guidance_scale } = manifest.defaults;
  return {
    index: 0,
    first: 0,
    size: batch,
    job: {
      id: 'bench',
      account: 'acc_bench',
      model: manifest.id,
      modelDigest: modelDigest(manifest),
      sampler,
      steps: String(steps),
      numSteps: steps,
      eta,
      clipDenoised: clip_denoised,
      guidance: guidance_scale,
      deadlineAt: null,
      retentionSeconds: 86_400,
      seed: SEED,
      count: batch,
      classes: classesOf(batch),
      batchSize: batch,
      reproducibility: 'exact',
      precision: 'fp32',
      keepState: false,
      previewEvery: 0,
      priority: 'normal',
      metadata: {},
      webhook: null,
      origin: 'http://127.0.0.1',
    },
  };
}
