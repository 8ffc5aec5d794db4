import { describe, expect, it } from 'vitest';
import { drawNoise, imageSeed } from '../../src/core/index.ts';

describe('drawNoise', () => {
  it('gives an image the same noise whatever batch it shares', () => {
    const batch = drawNoise([40, 41, 42], 12, 3);
    for (const [n, seed] of [40, 41, 42].entries()) {
      expect(drawNoise([seed], 12, 3)).toEqual(batch.slice(12 * n, 12 * (n + 1)));
    }
  });

  it('differs between calls, seeds and the high words of seeds', () => {
    const draws = [
      drawNoise([1], 4, 0),
      drawNoise([1], 4, 1),
      drawNoise([2], 4, 0),
      drawNoise([1 + 2 ** 32], 4, 0),
      drawNoise([1 + 2 ** 52], 4, 0),
    ];
    expect(new Set(draws.map((draw) => draw.join())).size).toBe(draws.length);
  });

  it('starts with the values that a seed of 0 is known for', () => {
    expect([...drawNoise([0], 2, 0)]).toEqual([-0.9246624112129211, -0.42534396052360535]);
  });

  it('is standard normal: moments and tails of 10^5 values', () => {
    const noise = Array.from(drawNoise([5], 100_000, 7));
    const moment = (k: number) => noise.reduce((sum, x) => sum + x ** k, 0) / noise.length;
    // five standard errors
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / 1e5));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / 1e5));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / 1e5));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / 1e5));
    expect(noise.filter((x) => Math.abs(x) > 3).length / 1e5).toBeCloseTo(0.0027, 3);
  });

  it('refuses what is no seed, no call and no size', () => {
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) expect(() => drawNoise([seed], 4, 0)).toThrow('a seed is');
    for (const call of [-1, 0.5, 2 ** 32]) expect(() => drawNoise([1], 4, call)).toThrow('a call is');
    expect(() => drawNoise([1], 0, 0)).toThrow('elements');
  });
});

describe('imageSeed', () => {
  it('counts up from the seed of the job', () => {
    expect([0, 1, 7].map((n) => imageSeed(100, n))).toEqual([100, 101, 107]);
  });

  it('refuses to leave the range of exact integers', () => {
    expect(imageSeed(Number.MAX_SAFE_INTEGER, 0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => imageSeed(Number.MAX_SAFE_INTEGER, 1)).toThrow(RangeError);
  });
});
