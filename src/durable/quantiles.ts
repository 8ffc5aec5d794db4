/** Quantiles over the batches of a job, each of which tells a sample of its times. */

/**
 * At most `most` values that are spread as all are: the smallest, the largest, and evenly by rank between them.
 *
 * @param sorted ascending
 */
export function thinOut(sorted: readonly number[], most: number): number[] {
  if (sorted.length <= most) return [...sorted];
  return Array.from({ length: most }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (most - 1))]!);
}

export interface WeightedSample {
  readonly values: readonly number[];
  /** How many values it stands for. */
  readonly count: number;
}

/**
 * The smallest value that at least `share` of all values do not exceed (nearest rank).
 *
 * @param share in (0, 1]
 * @returns null if there is no value
 */
export function quantile(samples: readonly WeightedSample[], share: number): number | null {
  const weighted = samples
    .flatMap(({ values, count }) => values.map((value) => ({ value, weight: count / values.length })))
    .toSorted((a, b) => a.value - b.value);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  for (const { value, weight } of weighted) {
    passed += weight;
    if (passed >= share * total - 1e-9 * total) return value;
  }
  return weighted.at(-1)?.value ?? null;
}
