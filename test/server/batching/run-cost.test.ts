import { expect, test } from 'vitest';
import { RunCost } from '../../../src/server/batching/run-cost.ts';

const costOf = (...runs: [rows: number, ms: number][]) => {
  const cost = new RunCost();
  for (const [rows, ms] of runs) cost.observe(rows, ms);
  return cost;
};

test('the fixed part is what a run of no rows would take', () => {
  expect(costOf([1, 11], [4, 14], [16, 26]).fixedMs()).toBeCloseTo(10);
});

test('as long as the runs do not tell, the fixed part is 0', () => {
  expect(costOf().fixedMs()).toBe(0);
  expect(costOf([4, 14], [4, 15]).fixedMs()).toBe(0);
});

test('it is never negative and never more than the cheapest run', () => {
  expect(costOf([1, 1], [4, 40]).fixedMs()).toBe(0);
  expect(costOf([1, 50], [4, 12], [8, 13]).fixedMs()).toBeLessThanOrEqual(12);
});

test('a run of a size not seen is expected to take what those before suggest', () => {
  expect(costOf().expectedMs(4)).toBe(0);
  expect(costOf([2, 10]).expectedMs(4)).toBe(20);
  expect(costOf([1, 11], [3, 13]).expectedMs(8)).toBeCloseTo(18);
});

test('newer runs count more', () => {
  const cost = costOf([1, 100]);
  for (let i = 0; i < 30; i++) cost.observe(1, 10);
  expect(cost.expectedMs(1)).toBeCloseTo(10, 0);
});

test('a larger run is worth while until its fixed part is a third of what its rows cost', () => {
  expect(costOf([1, 31], [16, 46]).worthwhileRows()).toBe(90);
  expect(costOf([1, 5], [8, 33]).worthwhileRows()).toBe(1);
});

test('as long as the runs do not tell, any size is worth a try, and so it is again after 500 runs of one size', () => {
  expect(costOf([1, 5]).worthwhileRows()).toBe(Infinity);
  const cost = costOf([8, 33]);
  for (let i = 0; i < 499; i++) cost.observe(1, 5);
  expect(cost.worthwhileRows()).toBe(1);
  cost.observe(1, 5);
  expect(cost.worthwhileRows()).toBe(Infinity);
});
