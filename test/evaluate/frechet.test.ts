import { expect, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { features } from '../../src/evaluate/features.ts';
import { frechetDistance } from '../../src/evaluate/frechet.ts';
import { type GaussianStatistics, gaussianStatistics } from '../../src/evaluate/statistics.ts';

function gaussian(mean: number[], covariance: number[][]): GaussianStatistics {
  return {
    dimensions: mean.length,
    mean: Float64Array.from(mean),
    covariance: Float64Array.from(covariance.flat()),
  };
}

function diagonal(values: number[]): number[][] {
  return values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));
}

test('of Gaussians with diagonal covariances is the closed form', () => {
  const a = gaussian([1, 2, 3], diagonal([4, 9, 0.25]));
  const b = gaussian([0, 2, 5], diagonal([1, 16, 0.25]));
  expect(frechetDistance(a, b)).toBeCloseTo(1 + 4 + (2 - 1) ** 2 + (3 - 4) ** 2, 12);
});

test('of two covariances that do not commute is that of the 2x2 closed form', () => {
  const a = gaussian(
    [0, 0],
    [
      [2, 1],
      [1, 2],
    ],
  );
  const b = gaussian([0, 0], diagonal([5, 1]));
  // tr((A B)^(1/2)) of 2x2 matrices is sqrt(tr(A B) + 2 sqrt(det(A B))).
  expect(frechetDistance(a, b)).toBeCloseTo(4 + 6 - 2 * Math.sqrt(12 + 2 * Math.sqrt(15)), 12);
});

test('of a set with itself is 0 and of a moved one the square of the way, with fewer images than features', () => {
  const values = drawNoise([1], 20 * 64, 0);
  const still = gaussianStatistics(features(values, 64));
  const moved = gaussianStatistics(
    features(
      values.map((value) => value + 0.5),
      64,
    ),
  );
  expect(Math.abs(frechetDistance(still, still))).toBeLessThan(1e-9);
  expect(frechetDistance(still, moved)).toBeCloseTo(64 * 0.25, 4);
});

test('statistics keep their digits where the mean is a million times the deviation', () => {
  const noise = drawNoise([2], 4_000, 0);
  const { mean, covariance } = gaussianStatistics(
    features(
      noise.map((value) => 4096 + value / 4),
      1,
    ),
  );
  const exact = Array.from(noise, (value) => Math.fround(4096 + value / 4));
  const centre = exact.reduce((sum, value) => sum + value, 0) / exact.length;
  const variance = exact.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (exact.length - 1);
  expect(mean[0]).toBeCloseTo(centre, 9);
  expect(covariance[0]).toBeCloseTo(variance, 12);
});

test('refuses what can not be compared, and features that are no numbers', () => {
  const one = gaussian([0], [[1]]);
  const two = gaussian([0, 0], diagonal([1, 1]));
  expect(() => frechetDistance(one, two)).toThrow('Gaussians of 1 and of 2 dimensions');
  expect(() => gaussianStatistics(features(Float32Array.of(1, 2), 2))).toThrow('at least two images, got 1');
  expect(() => features(Float32Array.of(1, Number.NaN, 3, 4), 2)).toThrow('row 0 has the feature NaN');
  expect(() => features(Float32Array.of(1, 2, 3), 2)).toThrow('3 values are no rows of 2 features');
});
