import { expect, test } from 'vitest';
import { inceptionScore } from '../../src/evaluate/inception-score.ts';

/** Rows that are sure of one class, but for a rest too small to matter. */
function sureOf(labels: number[], classes: number): Float32Array {
  const rest = 1e-30;
  return Float32Array.from({ length: labels.length * classes }, (_, i) =>
    labels[Math.floor(i / classes)] === i % classes ? 1 : rest,
  );
}

test('sure of every class equally often is the number of classes', () => {
  const labels = Array.from({ length: 40 }, (_, i) => i % 8);
  expect(inceptionScore(sureOf(labels, 8), 8).score).toBeCloseTo(8, 6);
});

test('of images that are all of one class, or of no class more than another, is 1', () => {
  expect(inceptionScore(sureOf([3, 3, 3, 3], 8), 8).score).toBeCloseTo(1, 6);
  expect(inceptionScore(new Float32Array(16).fill(0.125), 8).score).toBeCloseTo(1, 6);
});

test('a short last split weighs as much as a full one', () => {
  const labels = [0, 1, 0, 1, 0];
  const { score, splits } = inceptionScore(sureOf(labels, 2), 2, 4);
  expect(splits).toHaveLength(2);
  expect(splits[0]).toBeCloseTo(2, 6);
  expect(splits[1]).toBeCloseTo(1, 6);
  expect(score).toBeCloseTo(1.5, 6);
});

test('a probability of 0 is NaN, as in the reference, and a row that is cut off is refused', () => {
  expect(inceptionScore(Float32Array.of(1, 0), 2).score).toBeNaN();
  expect(() => inceptionScore(Float32Array.of(1, 0, 1), 2)).toThrow('3 probabilities are no rows of 2');
});
