import { describe, expect, test } from 'vitest';
import { compare, quantile, summarize } from '../../src/bench/statistics.ts';

describe('quantile', () => {
  test('is the middle value, or between the two middle ones', () => {
    expect(quantile([9, 1, 5], 0.5)).toBe(5);
    expect(quantile([8, 2, 4, 1], 0.5)).toBe(3);
  });

  test('interpolates between order statistics as numpy and R do by default', () => {
    expect(quantile([10, 20, 30, 40], 0.25)).toBe(17.5);
    expect(quantile([10, 20, 30, 40], 0.75)).toBe(32.5);
  });

  test('sorts numbers as numbers and leaves its argument as it was', () => {
    const values = [100, 9, 20];
    expect(quantile(values, 0)).toBe(9);
    expect(quantile(values, 1)).toBe(100);
    expect(values).toEqual([100, 9, 20]);
  });

  test('refuses what would make a figure out of nothing', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => quantile([1, Number.NaN], 0.5)).toThrow(RangeError);
  });
});

test('one outlier moves neither the median nor the quartiles far', () => {
  const calm = summarize([1, 1, 1, 1, 1, 1, 1]);
  expect(summarize([1, 1, 1, 1, 1, 1, 1000])).toEqual(calm);
});

describe('compare', () => {
  test('a machine that slows down for both sides changes no ratio', () => {
    const { ratio } = compare([2, 20, 200], [1, 10, 100]);
    expect(ratio).toEqual({ q1: 2, median: 2, q3: 2 });
  });

  test('takes differences round by round, ours minus the floor', () => {
    // The difference of the medians would be 5 - 4.
    const { difference } = compare([5, 9, 1], [4, 2, 4]);
    expect(difference.median).toBe(1);
    expect(compare([1, 2, 30], [10, 1, 20]).difference.median).toBe(1);
    expect(compare([1, 12, 30], [10, 1, 2]).difference.median).toBe(11);
  });

  test('refuses rounds that are not pairs', () => {
    expect(() => compare([1, 2], [1])).toThrow('2 rounds of one side, 1 of the other');
  });
});
