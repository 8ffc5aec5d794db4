import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RunCost } from '../../../src/server/batching/run-cost.ts';
import { fairRows } from '../../../src/server/batching/run-length.ts';

/** Runs that take `fixed + rows` ms. */
function costOf(fixed: number): RunCost {
  const cost = new RunCost();
  for (const rows of [1, 2, 8, 16]) cost.observe(rows, fixed + rows);
  return cost;
}

test('a job alone and jobs that want about the same may have any run', () => {
  expect(fairRows([], costOf(0))).toBe(Infinity);
  expect(fairRows([256], costOf(0))).toBe(Infinity);
  expect(fairRows([8, 10, 16], costOf(0))).toBe(Infinity);
});

test('beside a one-image job, two runs are done within three times its time alone, whatever a run costs', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.integer({ min: 3, max: 1000 }),
      (fixed, large) => {
        const rows = fairRows([1, large], costOf(fixed));
        expect(rows).toBeGreaterThanOrEqual(1);
        expect(2 * (fixed + rows)).toBeLessThanOrEqual(3 * (fixed + 1) + 1e-6);
      },
    ),
  );
});

test('many small jobs beside a large one still share their runs', () => {
  expect(fairRows([...Array.from({ length: 32 }, () => 1), 256], costOf(0))).toBe(32);
});

test('as long as runs of one size alone are known, any size may be tried', () => {
  const cost = new RunCost();
  cost.observe(16, 160);
  expect(fairRows([1, 256], cost)).toBe(Infinity);
});
