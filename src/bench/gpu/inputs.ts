/** One guided step's inputs, the same as in torch_step.py. */
import type { EvaluationRequest } from '../../inference/backend.ts';
import type { ModelManifest } from '../../models/manifest.ts';

export function guidedStep(manifest: ModelManifest, batch: number): EvaluationRequest {
  const { id, image, classes, class_conditional } = manifest;
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes.length);
  const target = new Float32Array(batch * classes.length);
  for (const [i, label] of labels.entries()) target[i * classes.length + label] = 1;
  return {
    model: id,
    shape: [batch, image.channels, image.height, image.width],
    x: Float32Array.from({ length: batch * image.channels * image.height * image.width }, (_, i) =>
      Math.sin(0.7 * i),
    ),
    timestep: Float32Array.from({ length: batch }, (_, i) => 10 + 30 * (i % 30)),
    ...(class_conditional && { label: labels }),
    target,
  };
}
