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

test('one slow moment of the machine changes nothing', () => {
  const cost = costOf([1, 11], [1, 11], [1, 500], [4, 14], [16, 26]);
  expect([cost.expectedMs(1), cost.fixedMs()]).toEqual([11, 10]);
});

test('newer runs count more', () => {
  const cost = costOf([1, 100]);
  for (let i = 0; i < 9; i++) cost.observe(1, 10);
  expect(cost.expectedMs(1)).toBe(10);
});

const often = (rows: number, ms: number) => Array.from({ length: 5 }, () => [rows, ms] as [number, number]);

test('runs in which a row costs more than in smaller ones are too large, once that has been seen often enough', () => {
  expect(costOf(...often(1, 10), ...often(4, 30), ...often(16, 200)).bestRows()).toBe(4);
  expect(costOf(...often(1, 10), ...often(4, 30), [16, 200]).bestRows()).toBe(Infinity);
  expect(costOf(...often(1, 10), ...often(16, 170)).bestRows()).toBe(Infinity);
  expect(costOf().bestRows()).toBe(Infinity);
});

test('as many rows as take no longer than asked, at least one; any number until two sizes were seen', () => {
  expect(costOf([1, 11], [16, 26]).rowsWithin(16.5)).toBe(6);
  expect(costOf([1, 11], [16, 176]).rowsWithin(5)).toBe(1);
  expect(costOf([1, 11]).rowsWithin(5)).toBe(Infinity);
});

test('a size that has not run for 500 runs is as if it had never been', () => {
  const cost = costOf(...often(1, 5), ...often(8, 400));
  for (let i = 0; i < 499; i++) cost.observe(1, 5);
  expect(cost.bestRows()).toBe(1);
  cost.observe(1, 5);
  expect(cost.bestRows()).toBe(Infinity);
});
