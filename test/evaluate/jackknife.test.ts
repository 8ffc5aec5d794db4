import { expect, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { evaluate } from '../../src/evaluate/evaluate.ts';
import { features } from '../../src/evaluate/features.ts';
import { groupsOf, jackknifeInterval } from '../../src/evaluate/jackknife.ts';
import { fitted } from '../../src/evaluate/sample-set.ts';

test('groups are of one size, the same each time, and no pattern of the order', () => {
  const groups = groupsOf(103, 10);
  expect(groupsOf(103, 10)).toEqual(groups);
  const sizes = Array.from({ length: 10 }, (_, group) => groups.filter((own) => own === group).length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBe(1);
  expect(groups.slice(0, 10)).not.toEqual(Int32Array.from({ length: 10 }, (_, i) => i));
});

test('of a mean the interval is the textbook one', () => {
  const values = [...drawNoise([5], 400, 0)];
  const mean = values.reduce((sum, value) => sum + value, 0) / 400;
  const without = values.map((value) => (400 * mean - value) / 399);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 399 / 400);
  const { low, high } = jackknifeInterval(mean, without);
  expect(high - mean).toBeCloseTo(1.959964 * deviation, 10);
  expect(mean - low).toBeCloseTo(high - mean, 10);
  expect(() => jackknifeInterval(1, [1])).toThrow('at least two groups, got 1');
});

test('intervals are as wide as metrics of other samples are spread, or a little wider', async () => {
  const [dimensions, repeats] = [4, 40];
  const set = (seed: number, images: number) => ({
    ...{ name: '', spatial: null, probabilities: null, labels: null },
    ...fitted(features(drawNoise([seed], images * dimensions, 0), dimensions)),
  });
  const reference = set(1, 300);
  const runs = [];
  for (let run = 0; run < repeats; run++)
    runs.push(await evaluate(reference, set(100 + run, 120), { draws: 50 }));
  for (const [i, { name }] of runs[0]!.metrics.entries()) {
    const values = runs.map(({ metrics }) => metrics[i]!.value);
    const mean = values.reduce((sum, value) => sum + value, 0) / repeats;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (repeats - 1));
    const widths = runs.map(({ metrics }) => metrics[i]!.interval!.high - metrics[i]!.interval!.low);
    const claimed = widths.reduce((sum, width) => sum + width, 0) / repeats / (2 * 1.96);
    expect(claimed / spread, name).toBeGreaterThan(0.75);
    expect(claimed / spread, name).toBeLessThan(1.75);
  }
});
