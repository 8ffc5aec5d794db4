import { describe, expect, it } from 'vitest';
import { checkLayout, gather, isContiguous } from '../../../src/onnx/checkpoint/strided.ts';

const layout = (shape: number[], strides: number[], offset = 0) =>
  ({ dtype: 'uint8', shape, strides, offset }) as const;

describe('a view that the storage can not hold is refused', () => {
  it.each([
    ['past the end', layout([2, 3], [3, 1], 1), 6, 'reaches element 7 of a storage that has 6'],
    ['with strides of another rank', layout([2, 3], [1]), 6, 'shape [2,3] has 2 axes, strides [1] 1'],
    ['backwards', layout([2], [-1], 1), 6, 'expected sizes of 0 or more'],
    [
      'of any size out of one element',
      layout([2 ** 40], [0]),
      1,
      'repeats the 1 elements of its storage too often',
    ],
    [
      'of sizes whose product overflows',
      layout([2 ** 52, 2 ** 52, 2 ** 52, 0, 2], [1, 1, 1, 1, 1], 9),
      8,
      'reaches element 9 of a storage that has 8',
    ],
  ])('%s', (_, view, elements, message) => {
    expect(() => checkLayout(view, elements)).toThrow(message);
  });
});

it('an empty view needs nothing of its storage', () => {
  expect(() => checkLayout(layout([0, 3], [3, 1]), 0)).not.toThrow();
  expect(gather(layout([0, 3], [3, 1]), new Uint8Array())).toEqual(new Uint8Array());
});

it('gathers transposed and repeated elements in row-major order', () => {
  const storage = Uint8Array.of(0, 1, 2, 3, 4, 5);
  expect([...gather(layout([3, 2], [1, 3]), storage)]).toEqual([0, 3, 1, 4, 2, 5]);
  expect([...gather(layout([2, 2], [3, 0]), storage)]).toEqual([0, 0, 3, 3]);
});

it('knows row-major order, whatever the strides of axes of size 1', () => {
  expect(isContiguous(layout([2, 1, 3], [3, 99, 1]))).toBe(true);
  expect(isContiguous(layout([3, 2], [1, 3]))).toBe(false);
});
