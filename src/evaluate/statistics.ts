import type { Features } from './features.ts';

/** Mean and covariance of features: a Gaussian fitted to them. */
export interface GaussianStatistics {
  readonly dimensions: number;
  /** `[D]`. */
  readonly mean: Float64Array;
  /** `[D, D]`, row-major. */
  readonly covariance: Float64Array;
}

/** Columns whose products with a row are summed at a time: their sums stay in the processor's cache. */
const BLOCK = 64;

/**
 * Mean and covariance (divided by n - 1) in float64. The mean is taken out first: one pass over raw squares would lose
 * the digits of features whose mean is large.
 *
 * @param onRows called now and then with the number of rows that are done
 * @throws {RangeError} for fewer than two rows
 */
export function gaussianStatistics(
  { rows, columns, values }: Features,
  onRows: (done: number) => void = () => {},
): GaussianStatistics {
  if (rows < 2) throw new RangeError(`a covariance needs at least two images, got ${rows}`);
  const mean = columnMeans(values, rows, columns);
  const covariance = new Float64Array(columns * columns);
  const centred = new Float64Array(CHUNK * columns);
  for (let from = 0; from < rows; from += CHUNK) {
    const count = Math.min(CHUNK, rows - from);
    for (let i = 0; i < count * columns; i++) {
      centred[i] = values[from * columns + i]! - mean[i % columns]!;
    }
    addProducts(covariance, centred, count, columns);
    onRows(from + count);
  }
  for (let i = 0; i < columns; i++) {
    for (let j = i; j < columns; j++) {
      covariance[i * columns + j]! /= rows - 1;
      covariance[j * columns + i] = covariance[i * columns + j]!;
    }
  }
  return { dimensions: columns, mean, covariance };
}

/** Rows that are centred at a time. */
const CHUNK = 256;

function columnMeans(values: Float32Array, rows: number, columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) mean[i]! += values[row * columns + i]!;
  }
  return mean.map((sum) => sum / rows);
}

/** Adds the upper triangle of C^T C. */
function addProducts(into: Float64Array, centred: Float64Array, count: number, columns: number): void {
  for (let left = 0; left < columns; left += BLOCK) {
    const end = Math.min(left + BLOCK, columns);
    for (let row = 0; row < count; row++) {
      const at = row * columns;
      for (let i = left; i < end; i++) {
        const factor = centred[at + i]!;
        if (factor === 0) continue;
        const target = i * columns;
        for (let j = i; j < columns; j++) into[target + j]! += factor * centred[at + j]!;
      }
    }
  }
}
