/** Squared distances between rows of features, block by block: all of them would not fit into memory. */
import { checkComparable, type Features, rowsOf } from './features.ts';

/** `[a.rows, b.rows]` squared Euclidean distances, row-major. */
export type SquaredDistances = (a: Features, b: Features) => Promise<Float32Array> | Float32Array;

/** Rows of either side in one block: 16 MB of distances. */
const BLOCK_ROWS = 2_048;

export interface DistanceBlock {
  /** First row of either side. */
  readonly from: readonly [a: number, b: number];
  readonly rows: readonly [a: number, b: number];
  readonly squared: Float32Array;
}

/** Every pair of a row of `a` and a row of `b` once. For each block of `a`, all blocks of `b` come in order. */
export async function* distanceBlocks(
  a: Features,
  b: Features,
  squaredDistances: SquaredDistances,
): AsyncGenerator<DistanceBlock> {
  checkComparable(a, b);
  for (let i = 0; i < a.rows; i += BLOCK_ROWS) {
    const left = rowsOf(a, i, Math.min(i + BLOCK_ROWS, a.rows));
    for (let j = 0; j < b.rows; j += BLOCK_ROWS) {
      const right = rowsOf(b, j, Math.min(j + BLOCK_ROWS, b.rows));
      const squared = await squaredDistances(left, right);
      yield { from: [i, j], rows: [left.rows, right.rows], squared };
    }
  }
}

/** Summed up in float64, difference by difference: exact to rounding, and slow. */
export function exactDistances(a: Features, b: Features): Float32Array {
  const { columns } = a;
  const squared = new Float32Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) {
        const difference = a.values[i * columns + k]! - b.values[j * columns + k]!;
        sum += difference * difference;
      }
      squared[i * b.rows + j] = sum;
    }
  }
  return squared;
}
