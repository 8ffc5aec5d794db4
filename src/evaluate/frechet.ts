import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { GaussianStatistics } from './statistics.ts';

/**
 * The Frechet distance of two Gaussians (Dowson & Landau 1982), of Inception features the FID (Heusel et al. 2017):
 * |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)).
 *
 * The trace of the root is the sum of the roots of the eigenvalues of R S2 R^T with S1 = R^T R, a symmetric matrix: that
 * stays right where covariances are singular, as they are with fewer images than features. Rounding can leave a
 * distance of -1e-14 where it is 0; it is given as it comes.
 *
 * @throws {RangeError} if the dimensions differ
 */
export function frechetDistance(a: GaussianStatistics, b: GaussianStatistics): number {
  if (a.dimensions !== b.dimensions) {
    throw new RangeError(`Gaussians of ${a.dimensions} and of ${b.dimensions} dimensions can't be compared`);
  }
  let distance = 0;
  for (let i = 0; i < a.dimensions; i++) {
    distance += (a.mean[i]! - b.mean[i]!) ** 2;
    distance += a.covariance[i * (a.dimensions + 1)]! + b.covariance[i * (a.dimensions + 1)]!;
  }
  return distance - 2 * traceOfRoot(matrixOf(a), matrixOf(b));
}

/** tr((A B)^(1/2)) of two covariances. */
function traceOfRoot(a: Matrix, b: Matrix): number {
  const root = rootOf(a);
  if (root === null) return 0;
  const product = root.mmul(b).mmul(root.transpose());
  return symmetricEigenvalues(product).reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
}

/**
 * R `[rank, D]` with R^T R = A; null for a covariance of zeros. Directions without variance are left out: rounding has
 * given them 1e-16, of which the root would make 1e-8 each.
 */
function rootOf(a: Matrix): Matrix | null {
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = new EigenvalueDecomposition(a, {
    assumeSymmetric: true,
  });
  const negligible = Math.max(...values) * a.rows * Number.EPSILON;
  const kept = values.flatMap((value, i) => (value > negligible ? [i] : []));
  if (kept.length === 0) return null;
  const root = new Matrix(kept.length, a.rows);
  for (const [row, i] of kept.entries()) {
    root.setRow(
      row,
      vectors.getColumn(i).map((entry) => entry * Math.sqrt(values[i]!)),
    );
  }
  return root;
}

/** Rounding has made the product slightly unsymmetric: the mean of the two halves is what was meant. */
function symmetricEigenvalues(a: Matrix): number[] {
  const symmetric = Matrix.add(a, a.transpose()).mul(0.5);
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues;
}

function matrixOf({ dimensions, covariance }: GaussianStatistics): Matrix {
  return Matrix.from1DArray(dimensions, dimensions, covariance);
}
