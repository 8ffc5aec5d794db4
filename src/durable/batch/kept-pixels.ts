/** Kept steps as they are looked at: bytes instead of floats, and no larger than they are shown. */
import { type ImageShape, shrink, toNHWC, toUint8 } from '../../core/index.ts';
import type { Pixels } from '../outputs.ts';
import type { BatchSpec } from '../spec.ts';

/** What of a batch is looked at. */
export interface View {
  /** One image of the job, or all of the batch. */
  readonly image: number | null;
  /** Pixels of the longer side at most: larger images are shrunk; null leaves them as they are. */
  readonly side: number | null;
}

/**
 * @param tensor `[N, C, H, W]` of the batch, [-1, 1] nominally
 * @returns in the order of the images; none if the batch does not have the image
 */
export function pixelsIn(
  tensor: Float32Array,
  { first, size }: BatchSpec,
  shape: ImageShape,
  { image, side }: View,
): Pixels[] {
  const elements = shape.channels * shape.height * shape.width;
  const all = Array.from({ length: size }, (_, i) => first + i);
  return all
    .filter((candidate) => image === null || candidate === image)
    .map((index) => {
      const at = (index - first) * elements;
      const x = tensor.subarray(at, at + elements);
      const shown = side === null ? { ...shape, x } : shrink(x, shape, side);
      const { channels, height, width } = shown;
      return { channels, height, width, data: toNHWC(toUint8(shown.x), shown) };
    });
}
