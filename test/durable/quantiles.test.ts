import { describe, expect, it } from 'vitest';
import { quantile, thinOut } from '../../src/durable/quantiles.ts';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('thinning out', () => {
  it('leaves few values as they are', () => expect(thinOut([1, 2, 3], 3)).toEqual([1, 2, 3]));
  it('keeps the ends and the spread of many', () => {
    const thin = thinOut(upTo(1000), 101);
    expect([thin.length, thin[0], thin.at(-1)]).toEqual([101, 1, 1000]);
    expect(Math.abs(thin[50]! - 500)).toBeLessThan(2);
  });
});

describe('a quantile', () => {
  it('is the nearest rank of all values', () => {
    expect(quantile([{ values: upTo(100), count: 100 }], 0.5)).toBe(50);
    expect(quantile([{ values: upTo(100), count: 100 }], 0.95)).toBe(95);
  });
  it('weighs a batch by its steps, not by how many of them it tells', () => {
    const many = { values: [10], count: 90 };
    const few = { values: [20, 20], count: 10 };
    expect(quantile([many, few], 0.5)).toBe(10);
    expect(quantile([many, few], 0.95)).toBe(20);
  });
  it('of nothing is none', () => expect(quantile([], 0.5)).toBeNull());
});
