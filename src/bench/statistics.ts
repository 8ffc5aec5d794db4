/** Figures that survive a noisy machine: medians and quartiles, and ratios of neighbours in time. */

export interface Summary {
  readonly q1: number;
  readonly median: number;
  readonly q3: number;
}

/** One side of a comparison against the other, both taken in turns in one run. */
export interface Comparison {
  readonly ours: Summary;
  readonly floor: Summary;
  /** Of each round's two values, then summarised: a slow moment of the machine hits both and cancels. */
  readonly ratio: Summary;
  /** ours - floor, likewise round by round. */
  readonly difference: Summary;
}

/**
 * Quantile with linear interpolation between order statistics (type 7 of Hyndman & Fan 1996).
 *
 * @param p 0 to 1
 * @throws {RangeError} without values, or if one of them is not finite
 */
export function quantile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('there is no quantile of no values');
  if (!values.every(Number.isFinite)) throw new RangeError('a value is not a finite number');
  const sorted = values.toSorted((a, b) => a - b);
  const position = p * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

export function summarize(values: readonly number[]): Summary {
  return { q1: quantile(values, 0.25), median: quantile(values, 0.5), q3: quantile(values, 0.75) };
}

/**
 * @param ours value of each round
 * @param floor value of the same rounds
 * @throws {RangeError} if the rounds are not pairs
 */
export function compare(ours: readonly number[], floor: readonly number[]): Comparison {
  if (ours.length !== floor.length) {
    throw new RangeError(`${ours.length} rounds of one side, ${floor.length} of the other`);
  }
  return {
    ours: summarize(ours),
    floor: summarize(floor),
    ratio: summarize(ours.map((value, i) => value / floor[i]!)),
    difference: summarize(ours.map((value, i) => value - floor[i]!)),
  };
}
