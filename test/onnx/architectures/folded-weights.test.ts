import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  foldScaleShift,
  mergeDoubledTaps,
  orderQueryKeyValue,
} from '../../../src/onnx/architectures/folded-weights.ts';
import type { Weight } from '../../../src/onnx/architectures/weights.ts';

const weight = (shape: number[], data: number[]): Weight => ({ shape, read: () => Float32Array.from(data) });
const values = (count: number) =>
  fc.array(
    fc.integer({ min: -8, max: 8 }).map((value) => value / 4),
    { minLength: count, maxLength: count },
  );

it('folding the norm into scale and shift changes nothing for any embedding and any normalised value', () => {
  const [channels, size] = [3, 2];
  fc.assert(
    fc.property(
      values(channels),
      values(channels),
      values(2 * channels * size),
      values(2 * channels),
      values(size),
      values(channels),
      (w, b, projection, bias, e, n) => {
        const linear = (matrix: ArrayLike<number>, offset: ArrayLike<number>, row: number): number =>
          offset[row]! + e.reduce((sum, value, column) => sum + matrix[row * size + column]! * value, 0);
        const folded = foldScaleShift(
          { weight: weight([channels], w), bias: weight([channels], b) },
          { weight: weight([2 * channels, size], projection), bias: weight([2 * channels], bias) },
        );
        const [matrix, offset] = [folded.weight.read(), folded.bias.read()];
        for (let c = 0; c < channels; c++) {
          const scale = linear(projection, bias, c);
          const shift = linear(projection, bias, channels + c);
          const expected = (n[c]! * w[c]! + b[c]!) * (1 + scale) + shift;
          const actual = n[c]! * linear(matrix, offset, c) + linear(matrix, offset, channels + c);
          expect(actual).toBeCloseTo(expected, 4);
        }
      },
    ),
  );
});

it('takes the legacy rows (per head q, k, v) to the new ones (q, k, v, each by head) and scales q', () => {
  // Two heads of four channels, one column; the value tells head, part and channel.
  const legacy: number[] = [];
  for (const head of [0, 1]) {
    for (const part of [0, 1, 2])
      for (const channel of [0, 1, 2, 3]) legacy.push(100 * head + 10 * part + channel);
  }
  const ordered = Array.from(orderQueryKeyValue(weight([24, 1], legacy), 2, 'legacy').read());
  expect(ordered.slice(0, 8)).toEqual([0, 1, 2, 3, 100, 101, 102, 103].map((value) => value / 2));
  expect(ordered.slice(8, 16)).toEqual([10, 11, 12, 13, 110, 111, 112, 113]);
  expect(ordered.slice(16)).toEqual([20, 21, 22, 23, 120, 121, 122, 123]);
});

it('leaves the new order as it is, but for the scale of q', () => {
  const rows = Array.from({ length: 12 }, (_, row) => row);
  const ordered = Array.from(orderQueryKeyValue(weight([12], rows), 1, 'new').read());
  expect(ordered).toEqual(rows.map((row) => (row < 4 ? row / 2 : row)));
});

it('merges the taps of a 3x3 kernel that meet the same doubled pixel', () => {
  const kernel = weight([1, 1, 3, 3], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  expect([...mergeDoubledTaps(kernel, 0, 0).read()]).toEqual([1, 2 + 4, 8 + 64, 16 + 32 + 128 + 256]);
  expect([...mergeDoubledTaps(kernel, 1, 1).read()]).toEqual([1 + 2 + 8 + 16, 4 + 32, 64 + 128, 256]);
});
