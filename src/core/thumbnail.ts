import type { ImageShape } from './pixels.ts';

/** One small image, `[C, H, W]`. */
export interface Thumbnail extends ImageShape {
  readonly x: Float32Array;
}

/** What {@link shrink} makes of the size of an image. */
export function shrunkSize({ channels, height, width }: ImageShape, side: number): ImageShape {
  const factor = factorFor({ channels, height, width }, side);
  return { channels, height: Math.ceil(height / factor), width: Math.ceil(width / factor) };
}

/** The smallest whole factor after which an image is at most `side` wide and high. */
function factorFor({ height, width }: ImageShape, side: number): number {
  return Math.max(1, Math.ceil(Math.max(height, width) / side));
}

/**
 * One image, shrunk by the smallest whole factor after which it is at most `side` wide and high: each value is the mean
 * of its box, over the values as they are shown, so clamped to [-1, 1]. An image that is small enough stays as it is.
 *
 * @param x `[C, H, W]`, [-1, 1] nominally
 */
export function shrink(x: Float32Array, shape: ImageShape, side: number): Thumbnail {
  const factor = factorFor(shape, side);
  if (factor === 1) return { ...shape, x };
  const { height, width } = shrunkSize(shape, side);
  const out = new Float32Array(shape.channels * height * width);
  let to = 0;
  for (let channel = 0; channel < shape.channels; channel++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        out[to++] = boxMean(x, shape, { channel, top: row * factor, left: column * factor, factor });
      }
    }
  }
  return { channels: shape.channels, height, width, x: out };
}

interface Box {
  readonly channel: number;
  readonly top: number;
  readonly left: number;
  readonly factor: number;
}

/** A box at the lower or right edge may be smaller than the others. */
function boxMean(x: Float32Array, { height, width }: ImageShape, box: Box): number {
  const bottom = Math.min(box.top + box.factor, height);
  const right = Math.min(box.left + box.factor, width);
  let sum = 0;
  for (let row = box.top; row < bottom; row++) {
    const line = (box.channel * height + row) * width;
    for (let column = box.left; column < right; column++) {
      sum += Math.min(Math.max(x[line + column]!, -1), 1);
    }
  }
  return sum / ((bottom - box.top) * (right - box.left));
}
