import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrange, GAP } from '../../../../src/site/playground/stage/arrange.ts';

test('every pixel is a whole number of the screen’s, or a whole number of pixels share one, and all fit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 256 }),
      fc.constantFrom(16, 32, 64, 256, 512),
      fc.integer({ min: 60, max: 1600 }),
      fc.constantFrom(1, 1.25, 1.5, 2, 2.625, 3),
      (count, side, room, ratio) => {
        const { columns, width, height } = arrange(count, { width: side, height: side }, room, ratio);
        const multiple = (width * ratio) / side;
        const whole = multiple >= 1 ? multiple : 1 / multiple;
        expect(whole).toBeCloseTo(Math.round(whole), 6);
        expect(height).toBe(width);
        expect(columns * width + GAP * (columns - 1)).toBeLessThanOrEqual(room + 1e-6);
      },
    ),
  );
});

test('a block is about square, with full rows where that is near', () => {
  const columns = (count: number) => arrange(count, { width: 32, height: 32 }, 1000, 1).columns;
  expect([1, 2, 4, 9, 10, 12, 16].map(columns)).toEqual([1, 2, 2, 3, 5, 4, 4]);
});
