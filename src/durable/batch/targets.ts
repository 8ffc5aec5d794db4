/** Classes of a batch as the networks receive them. */
import { type BatchSpec, type Classes, classOf, targetOf } from '../spec.ts';

/** `[N, K]`: a row of weights over the K classes per image; null when nothing is to be guided to. */
export function targetsOf(
  classes: Classes | null,
  { job, first, size }: BatchSpec,
  count: number,
): Float32Array | null {
  if (classes === null) return null;
  const rows = new Float32Array(size * count);
  for (let i = 0; i < size; i++) {
    const target = targetOf(classes, first + i, job.seed)!;
    const weights = typeof target === 'number' ? { [target]: 1 } : target;
    for (const [label, weight] of Object.entries(weights)) rows[i * count + Number(label)] = weight;
  }
  return rows;
}

/** `[N]`: class per image for a class-conditional diffusion model. */
export function labelsOf(classes: Classes | null, { job, first, size }: BatchSpec): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => classOf(targetOf(classes, first + i, job.seed) ?? 0));
}
