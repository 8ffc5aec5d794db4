/** Which steps of a job are kept, and what they take. */
import type { KeepTrajectory } from './spec.ts';

/**
 * Whether the state after `step` steps is kept: where the walk begins, every k-th step, and the last.
 *
 * @param first steps that lie behind the walk where it begins: 0, or those a fork shares with its source
 * @param last steps of the whole
 */
export function keepsStep(
  keep: KeepTrajectory,
  step: number,
  { first, last }: { readonly first: number; readonly last: number },
): boolean {
  return step === first || step === last || step % keep.every === 0;
}

/** Number of steps that are kept from `first` to `last`. */
export function keptCount(keep: KeepTrajectory, first: number, last: number): number {
  let count = 0;
  for (let step = first; step <= last; step++) if (keepsStep(keep, step, { first, last })) count++;
  return count;
}

/**
 * Bytes that one batch keeps at most. Samplers without a history; one with it keeps as much again for each tensor.
 *
 * @param elements N * C * H * W of the largest batch
 */
export function trajectoryBytes(
  keep: KeepTrajectory,
  { first, last, elements }: { readonly first: number; readonly last: number; readonly elements: number },
): number {
  const tensors = keep.what === 'both' ? 2 : 1;
  return keptCount(keep, first, last) * tensors * elements * Float32Array.BYTES_PER_ELEMENT;
}
