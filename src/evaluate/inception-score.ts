/** Images in one split, as the reference's evaluator cuts them. */
export const SPLIT_SIZE = 5_000;

/**
 * The Inception Score (Salimans et al. 2016): the exponential of the mean divergence of an image's class distribution
 * from the mean distribution, the mean over splits. A last split that is short weighs as much as a full one.
 *
 * A probability of 0 makes it NaN, as in the reference: 0 log 0 is not defined away.
 *
 * @param probabilities `[N, classes]`, each row adding up to 1
 * @throws {RangeError} if there is no row, or a row is incomplete
 */
export function inceptionScore(
  probabilities: Float32Array,
  classes: number,
  splitSize: number = SPLIT_SIZE,
): { readonly score: number; readonly splits: readonly number[] } {
  const rows = probabilities.length / classes;
  if (!Number.isInteger(rows) || rows === 0) {
    throw new RangeError(`${probabilities.length} probabilities are no rows of ${classes} classes`);
  }
  const splits: number[] = [];
  for (let from = 0; from < rows; from += splitSize) {
    splits.push(splitScore(probabilities, classes, from, Math.min(from + splitSize, rows)));
  }
  return { score: splits.reduce((sum, score) => sum + score, 0) / splits.length, splits };
}

function splitScore(probabilities: Float32Array, classes: number, from: number, to: number): number {
  const marginal = new Float64Array(classes);
  for (let row = from; row < to; row++) {
    for (let k = 0; k < classes; k++) marginal[k]! += probabilities[row * classes + k]! / (to - from);
  }
  let divergence = 0;
  for (let row = from; row < to; row++) {
    for (let k = 0; k < classes; k++) {
      const p = probabilities[row * classes + k]!;
      divergence += p * (Math.log(p) - Math.log(marginal[k]!));
    }
  }
  return Math.exp(divergence / (to - from));
}
