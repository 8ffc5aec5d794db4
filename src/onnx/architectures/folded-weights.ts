/**
 * Arithmetic on weights that is done once, when the graph is written, instead of at every step. Each function takes
 * and gives tensors in row-major order.
 */
import { computedWeight } from './computed-weight.ts';
import type { Weight } from './weights.ts';

/**
 * Scale-shift conditioning as one linear map of the embedding e.
 *
 * norm(h) = n * w + b per channel (n: h normalised over its group); the embedding's projection gives scale and shift;
 * then norm(h) * (1 + scale) + shift = n * A + B with
 * A = w (1 + scale) and B = b (1 + scale) + shift, both linear in e.
 *
 * @param norm w and b, `[C]`
 * @param projection weight `[2C, E]` and bias `[2C]` giving scale, then shift
 * @returns weight `[2C, E]` and bias `[2C]` giving A, then B
 */
export function foldScaleShift(
  norm: { weight: Weight; bias: Weight },
  projection: { weight: Weight; bias: Weight },
): { weight: Weight; bias: Weight } {
  const { weight, bias } = projection;
  const inputs = [norm.weight, norm.bias] as const;
  return {
    weight: computedWeight(weight.shape, [weight, ...inputs], (target, parts) =>
      fold(target, parts, weight.shape[1]!, 0),
    ),
    bias: computedWeight(bias.shape, [bias, ...inputs], (target, parts) => fold(target, parts, 1, 1)),
  };
}

/** One column or many of scale and shift; `one` is what is added to the scale. */
function fold(target: Float32Array, parts: readonly Float32Array[], columns: number, one: 0 | 1): void {
  const [scaleShift, w, b] = parts as [Float32Array, Float32Array, Float32Array];
  const half = target.length / 2;
  for (let row = 0; row < w.length; row++) {
    const [weight, bias] = [w[row]!, b[row]!];
    for (let at = row * columns, end = at + columns; at < end; at++) {
      const scale = one + scaleShift[at]!;
      target[at] = weight * scale;
      target[half + at] = bias * scale + scaleShift[half + at]!;
    }
  }
}

/** How the rows of a qkv projection are ordered: by head, then q, k, v (legacy); or by q, k, v, then head. */
export type AttentionOrder = 'legacy' | 'new';

/**
 * A qkv projection with its rows in the new order and the attention's scale 1 / sqrt(channels per head) in q.
 *
 * @param weight `[3C, ...]`, rows in the given order
 */
export function orderQueryKeyValue(weight: Weight, heads: number, order: AttentionOrder): Weight {
  const rows = weight.shape[0]!;
  const headRows = rows / 3 / heads;
  const scale = 1 / Math.sqrt(headRows);
  return computedWeight(weight.shape, [weight], (ordered, [source]) => {
    const rowLength = ordered.length / rows;
    for (let row = 0; row < rows; row++) {
      const part = Math.floor(row / (heads * headRows));
      const head = Math.floor(row / headRows) % heads;
      const from = order === 'new' ? row : (head * 3 + part) * headRows + (row % headRows);
      ordered.set(source!.subarray(from * rowLength, (from + 1) * rowLength), row * rowLength);
    }
    for (let query = 0, end = ordered.length / 3; query < end; query++) ordered[query]! *= scale;
  });
}

/** For even and odd outputs, the taps that meet the first of two pixels, and those that meet the second. */
const TAPS = [
  [[0], [1, 2]],
  [[0, 1], [2]],
] as const;

/** Of each of the 2x2 pixels, in rows: the taps of a 3x3 kernel that meet it. */
function tapsOfPixels(y: 0 | 1, x: 0 | 1): number[][] {
  return TAPS[y].flatMap((rows) =>
    TAPS[x].map((columns) => rows.flatMap((row) => columns.map((column) => 3 * row + column))),
  );
}

/**
 * One phase of a 3x3 convolution over an image whose pixels were doubled: for the outputs at rows 2i + y and columns
 * 2j + x it is a 2x2 convolution over the smaller image.
 *
 * @param weight `[out, in, 3, 3]`
 * @returns `[out, in, 2, 2]`
 */
export function mergeDoubledTaps(weight: Weight, y: 0 | 1, x: 0 | 1): Weight {
  const [to, from] = weight.shape as [number, number];
  return computedWeight([to, from, 2, 2], [weight], (merged, [kernel]) => {
    for (const [pixel, taps] of tapsOfPixels(y, x).entries()) sumTaps(merged, pixel, kernel!, taps);
  });
}

/** Of every 3x3 kernel, the sum of one, two or four taps goes to one pixel; a loop over them takes twice as long. */
function sumTaps(merged: Float32Array, pixel: number, kernels: Float32Array, taps: readonly number[]): void {
  const [a, b, c, d] = taps as [number, number, number, number];
  const { length } = kernels;
  if (taps.length === 1) {
    for (let k = 0, at = pixel; k < length; k += 9, at += 4) merged[at] = kernels[k + a]!;
  } else if (taps.length === 2) {
    for (let k = 0, at = pixel; k < length; k += 9, at += 4) merged[at] = kernels[k + a]! + kernels[k + b]!;
  } else {
    for (let k = 0, at = pixel; k < length; k += 9, at += 4) {
      merged[at] = kernels[k + a]! + kernels[k + b]! + kernels[k + c]! + kernels[k + d]!;
    }
  }
}

/** Rows `from` to `to` (excluded) of a weight. */
export function sliceRows(weight: Weight, from: number, to: number): Weight {
  const [rows, ...rest] = weight.shape as [number, ...number[]];
  return computedWeight([to - from, ...rest], [weight], (slice, [whole]) => {
    const rowLength = whole!.length / rows;
    slice.set(whole!.subarray(from * rowLength, to * rowLength));
  });
}

/** Columns `from` to `to` (excluded) of a matrix, under another shape. */
export function sliceColumns(matrix: Weight, from: number, to: number, shape: readonly number[]): Weight {
  const [rows, columns] = matrix.shape as [number, number];
  return computedWeight(shape, [matrix], (slice, [whole]) => {
    for (let row = 0; row < rows; row++) {
      slice.set(whole!.subarray(row * columns + from, row * columns + to), row * (to - from));
    }
  });
}

/** The same elements under another shape. */
export function reshapeWeight(weight: Weight, shape: readonly number[]): Weight {
  return { ...weight, shape };
}
