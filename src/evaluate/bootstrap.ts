/** Confidence intervals by the bootstrap (Efron 1979): the metric of many draws, with repetition, of the same size. */
import { philox4x32 } from '../core/index.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Share of the draws that lie within an interval. */
export const CONFIDENCE = 0.95;

/** Row numbers of draw number `draw`: the same whenever it is asked for. */
export function resampledRows(rows: number, draw: number): Int32Array {
  const picked = new Int32Array(rows);
  const words = new Uint32Array(4);
  for (let i = 0; i < rows; i++) {
    if (i % 4 === 0) philox4x32(i / 4, 0, draw, 0, 0xb007, 0, words);
    picked[i] = Math.floor((words[i % 4]! / 2 ** 32) * rows);
  }
  return picked;
}

/**
 * The middle {@link CONFIDENCE} of the draws, moved so that their mean is the value itself: a draw repeats images, which
 * moves the Frechet distance up and the Inception Score down, and that shift is no part of the uncertainty.
 *
 * @param value the metric of the images as they are
 * @throws {RangeError} for fewer than two draws
 */
export function intervalOf(value: number, draws: readonly number[]): Interval {
  if (draws.length < 2) throw new RangeError(`an interval needs at least two draws, got ${draws.length}`);
  const shift = value - draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  const sorted = draws.map((draw) => draw + shift).sort((a, b) => a - b);
  const tail = (1 - CONFIDENCE) / 2;
  return { low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return below + (above - below) * (at - Math.floor(at));
}
