import { describe, expect, it } from 'vitest';
import { drawLabel, drawNoise } from '../../src/core/index.ts';

describe('drawLabel', () => {
  it('is a function of the seed alone, in every word of it', () => {
    expect(drawLabel(7, 10)).toBe(drawLabel(7, 10));
    const high = Array.from({ length: 64 }, (_, n) => drawLabel(7 + n * 2 ** 40, 1000));
    expect(new Set(high).size).toBeGreaterThan(40);
  });

  it('starts with the values that these seeds are known for', () => {
    expect(Array.from({ length: 12 }, (_, seed) => drawLabel(seed, 10))).toEqual([
      5, 9, 0, 8, 2, 6, 7, 7, 4, 5, 1, 9,
    ]);
    expect([0, 1, 2 ** 32, 2 ** 53 - 1].map((seed) => drawLabel(seed, 1000))).toEqual([805, 809, 204, 354]);
  });

  it.each([2, 7, 10, 1000])('is uniform over %i classes: chi-squared of neighbouring seeds', (classes) => {
    const draws = 50_000;
    const counts = new Array<number>(classes).fill(0);
    for (let seed = 0; seed < draws; seed++) counts[drawLabel(seed, classes)]!++;
    const expected = draws / classes;
    const chi2 = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    const freedom = classes - 1;
    // five standard deviations of the distribution's normal limit
    expect(Math.abs(chi2 - freedom)).toBeLessThan(5 * Math.sqrt(2 * freedom) + 5);
  });

  it('says nothing of the next seed, nor of the noise that the image begins with', () => {
    const n = 10_000;
    const labels = Array.from({ length: n + 1 }, (_, seed) => drawLabel(seed, 2) * 2 - 1);
    const noise = Array.from({ length: n }, (_, seed) => drawNoise([seed], 1, 0)[0]!);
    const mean = (of: (i: number) => number) => labels.slice(0, n).reduce((sum, _, i) => sum + of(i), 0) / n;
    expect(Math.abs(mean((i) => labels[i]! * labels[i + 1]!))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(mean((i) => labels[i]! * noise[i]!))).toBeLessThan(5 / Math.sqrt(n));
  });

  it('refuses what is no seed and no number of classes', () => {
    for (const seed of [-1, 0.5, 2 ** 53]) expect(() => drawLabel(seed, 10)).toThrow('a seed is');
    for (const classes of [0, 1.5, -1]) expect(() => drawLabel(1, classes)).toThrow('number of classes');
  });
});
