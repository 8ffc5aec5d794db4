/**
 * Arithmetic on weights that is done once, when the graph is written, instead of at every step. Each function takes
 * and gives tensors in row-major order.
 */
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
  const [channels] = norm.weight.shape as [number];
  const fold = (scaleShift: Float32Array, columns: number, one: number): Float32Array => {
    const w = norm.weight.read();
    const b = norm.bias.read();
    const folded = new Float32Array(scaleShift.length);
    for (let row = 0; row < channels; row++) {
      for (let column = 0; column < columns; column++) {
        const scale = one + scaleShift[row * columns + column]!;
        const shift = scaleShift[(channels + row) * columns + column]!;
        folded[row * columns + column] = w[row]! * scale;
        folded[(channels + row) * columns + column] = b[row]! * scale + shift;
      }
    }
    return folded;
  };
  const { weight, bias } = projection;
  return {
    weight: { shape: weight.shape, read: () => fold(weight.read(), weight.shape[1]!, 0) },
    bias: { shape: bias.shape, read: () => fold(bias.read(), 1, 1) },
  };
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
  const read = (): Float32Array => {
    const source = weight.read();
    const rowLength = source.length / rows;
    const ordered = new Float32Array(source.length);
    for (let row = 0; row < rows; row++) {
      const part = Math.floor(row / (heads * headRows));
      const head = Math.floor(row / headRows) % heads;
      const from = order === 'new' ? row : (head * 3 + part) * headRows + (row % headRows);
      const values = source.subarray(from * rowLength, (from + 1) * rowLength);
      ordered.set(part === 0 ? values.map((value) => value * scale) : values, row * rowLength);
    }
    return ordered;
  };
  return { shape: weight.shape, read };
}

/** Of the three taps, the first that meets the second of the two pixels, for even and odd outputs. */
const SECOND_PIXEL_TAP = [1, 2] as const;

/**
 * One phase of a 3x3 convolution over an image whose pixels were doubled: for the outputs at rows 2i + y and columns
 * 2j + x it is a 2x2 convolution over the smaller image.
 *
 * @param weight `[out, in, 3, 3]`
 * @returns `[out, in, 2, 2]`
 */
export function mergeDoubledTaps(weight: Weight, y: 0 | 1, x: 0 | 1): Weight {
  const [to, from] = weight.shape as [number, number];
  const read = (): Float32Array => {
    const kernel = weight.read();
    const merged = new Float32Array(to * from * 4);
    const [rowSplit, columnSplit] = [SECOND_PIXEL_TAP[y], SECOND_PIXEL_TAP[x]];
    for (let pair = 0, target = 0; pair < to * from; pair++) {
      for (let row = 0; row < 2; row++) {
        for (let column = 0; column < 2; column++, target++) {
          let sum = 0;
          for (let r = row * rowSplit; r < (row === 0 ? rowSplit : 3); r++) {
            for (let c = column * columnSplit; c < (column === 0 ? columnSplit : 3); c++) {
              sum += kernel[pair * 9 + r * 3 + c]!;
            }
          }
          merged[target] = sum;
        }
      }
    }
    return merged;
  };
  return { shape: [to, from, 2, 2], read };
}

/** Rows `from` to `to` (excluded) of a weight. */
export function sliceRows(weight: Weight, from: number, to: number): Weight {
  const [rows, ...rest] = weight.shape as [number, ...number[]];
  const read = (): Float32Array => {
    const data = weight.read();
    const rowLength = data.length / rows;
    return data.slice(from * rowLength, to * rowLength);
  };
  return { shape: [to - from, ...rest], read };
}

/** The same elements under another shape. */
export function reshapeWeight(weight: Weight, shape: readonly number[]): Weight {
  return { ...weight, shape };
}
