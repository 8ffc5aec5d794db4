import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NamedTensor } from '../../../src/inference/oip/tensor.ts';
import { chosenRanges, joinRows } from '../../../src/server/batching/rows.ts';

const tensor = (...values: number[]): NamedTensor => ({
  ...{ name: 'x', datatype: 'FP32', shape: [values.length / 2, 2] },
  data: Float32Array.from(values),
});
const range = (own: NamedTensor, from: number, count: number) => ({
  inputs: new Map([['x', own]]),
  from,
  count,
});
const join = (...args: Parameters<typeof joinRows> extends [unknown, ...infer Rest] ? Rest : never) =>
  joinRows(['x'], ...args).get('x')!;

test('rows of several requests come one after another', () => {
  const joined = join([range(tensor(1, 2, 3, 4), 1, 1), range(tensor(5, 6, 7, 8), 0, 2)]);
  expect(joined).toEqual({ ...tensor(3, 4, 5, 6, 7, 8), shape: [3, 2] });
});

test('rows of one request are the same memory', () => {
  const own = tensor(1, 2, 3, 4, 5, 6);
  const joined = join([range(own, 1, 2)]);
  expect(joined).toEqual(tensor(3, 4, 5, 6));
  expect(joined.data.buffer).toBe(own.data.buffer);
});

test('a batch is filled up with its first row', () => {
  expect(join([range(tensor(1, 2, 3, 4), 1, 1)], 3)).toEqual(tensor(3, 4, 3, 4, 3, 4));
});

test('labels stay whole numbers', () => {
  const label: NamedTensor = { name: 'x', datatype: 'INT32', shape: [1], data: Int32Array.of(7) };
  expect(join([range(label, 0, 1), range(label, 0, 1)]).data).toEqual(Int32Array.of(7, 7));
});

test('a mask gives its rows as the fewest runs of neighbours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ max: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (mask, a, b) => {
      const [from, to] = [Math.min(a, b, mask.length), Math.min(Math.max(a, b), mask.length)];
      const ranges = chosenRanges(mask, from, to - from);
      const rows = ranges.flatMap((one) => Array.from({ length: one.count }, (_, i) => one.from + i));
      const expected = [...mask.keys()].filter((row) => row >= from && row < to && mask[row]);
      expect(rows).toEqual(expected);
      expect(ranges.every((one, i) => i === 0 || one.from > ranges[i - 1]!.from + ranges[i - 1]!.count)).toBe(
        true,
      );
    }),
  );
});

test('no mask is all of them', () => {
  expect(chosenRanges(null, 2, 3)).toEqual([{ from: 2, count: 3 }]);
});
