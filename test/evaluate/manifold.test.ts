import { describe, expect, it, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { distanceBlocks, exactDistances } from '../../src/evaluate/distances.ts';
import { type Features, features, rowsOf } from '../../src/evaluate/features.ts';
import { manifoldOf, overlapOf } from '../../src/evaluate/manifold.ts';
import { createMatrixDistances } from '../../src/evaluate/matrix-distances.ts';

const line = (...points: number[]) => features(Float32Array.from(points), 1);

async function overlap(reference: Features, samples: Features, k = 3) {
  return overlapOf(await manifoldOf(reference, k), await manifoldOf(samples, k), k);
}

test('a ball reaches to the k-th neighbour, not counting the point itself', async () => {
  const { squaredRadii } = await manifoldOf(line(0, 1, 3, 7), 2);
  expect([...squaredRadii]).toEqual([9, 4, 9, 36]);
});

test('points that coincide are neighbours like any others', async () => {
  const { squaredRadii } = await manifoldOf(line(5, 5, 5, 9), 2);
  expect([...squaredRadii]).toEqual([0, 0, 0, 16]);
});

describe('the overlap', () => {
  it('of a set with itself is whole', async () => {
    const set = features(drawNoise([1], 200, 0), 2);
    expect(await overlap(set, set)).toMatchObject({ precision: 1, recall: 1, coverage: 1 });
  });

  it('of sets far apart is nothing', async () => {
    const set = features(drawNoise([1], 200, 0), 2);
    const away = features(
      set.values.map((value) => value + 1000),
      2,
    );
    expect(await overlap(set, away)).toEqual({ precision: 0, recall: 0, density: 0, coverage: 0 });
  });

  it('of samples that all sit in one corner is precise and recalls little', async () => {
    const reference = line(...Array.from({ length: 100 }, (_, i) => i));
    const samples = line(...Array.from({ length: 100 }, (_, i) => 50 + i / 100));
    const { precision, recall, coverage, density } = await overlap(reference, samples);
    expect(precision).toBe(1);
    expect(recall).toBeLessThan(0.05);
    expect(coverage).toBeLessThan(0.1);
    expect(density).toBeGreaterThan(1);
  });

  it('changes its two sides with its sets', async () => {
    const [a, b] = [features(drawNoise([1], 300, 0), 3), features(drawNoise([2], 240, 0), 3)];
    const [there, back] = [await overlap(a, b), await overlap(b, a)];
    expect(there.precision).toBe(back.recall);
    expect(there.recall).toBe(back.precision);
  });
});

test('blocks hold every pair once', async () => {
  const [a, b] = [features(drawNoise([3], 2_500, 0), 1), features(drawNoise([4], 2_100, 0), 1)];
  let pairs = 0;
  for await (const { from, rows, squared } of distanceBlocks(a, b, exactDistances)) {
    pairs += squared.length;
    const [i, j] = [rows[0] - 1, rows[1] - 1];
    const difference = a.values[from[0] + i]! - b.values[from[1] + j]!;
    expect(squared[i * rows[1] + j]).toBe(Math.fround(difference * difference));
  }
  expect(pairs).toBe(2_500 * 2_100);
});

test('matrix products give the same overlap as sums of differences, far from the origin too', async () => {
  const cloud = features(
    drawNoise([5], 400 * 32, 0).map((value) => 100 + value),
    32,
  );
  const [a, b] = [rowsOf(cloud, 0, 220), rowsOf(cloud, 220, 400)];
  const { squaredDistances, close } = await createMatrixDistances(new Float32Array(32).fill(100));
  const fast = await overlapOf(
    await manifoldOf(a, 3, { squaredDistances }),
    await manifoldOf(b, 3, { squaredDistances }),
    3,
    { squaredDistances },
  );
  await close();
  expect(fast).toEqual(await overlap(a, b));
});

test('refuses a set without enough neighbours, and sets of different features', async () => {
  await expect(manifoldOf(line(1, 2, 3))).rejects.toThrow('more than 3 images, got 3');
  const wide = features(drawNoise([1], 20, 0), 2);
  await expect(overlap(line(1, 2, 3, 4, 5), wide)).rejects.toThrow('features of 1 and of 2 values');
});
