/**
 * Confidence intervals by the delete-a-group jackknife (Quenouille 1956): the metric without each group of samples in
 * turn. For shares of the reference that some sample reaches: bootstrap draws repeat samples, and a repeated one
 * reaches nothing new.
 */
import { philox4x32 } from '../core/index.ts';
import type { Interval } from './bootstrap.ts';

/** Of the normal distribution, for 95 %. */
const DEVIATIONS = 1.959964;

/** Of each sample the number of its group: random, the same whenever asked for, of sizes that differ by one at most. */
export function groupsOf(samples: number, groups: number): Int32Array {
  const words = new Uint32Array(4);
  const keys = Array.from({ length: samples }, (_, i) => {
    philox4x32(i, 0, 0, 0, 0x9a0c, 0, words);
    return words[0]!;
  });
  const order = keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
  const group = new Int32Array(samples);
  order.forEach((sample, rank) => {
    group[sample] = rank % groups;
  });
  return group;
}

/**
 * @param value the metric of all samples
 * @param without the metric without each group
 * @throws {RangeError} for fewer than two groups
 */
export function jackknifeInterval(value: number, without: readonly number[]): Interval {
  const groups = without.length;
  if (groups < 2) throw new RangeError(`an interval needs at least two groups, got ${groups}`);
  const mean = without.reduce((sum, one) => sum + one, 0) / groups;
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const reach = DEVIATIONS * Math.sqrt(((groups - 1) / groups) * squares);
  return { low: value - reach, high: value + reach };
}
