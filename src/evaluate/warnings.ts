/** What makes the numbers of a set less than they seem. */
import type { SampleSet } from './sample-set.ts';

/** @param who as the lines begin */
export function warningsOf(
  who: string,
  { features: own, statistics, labels, probabilities }: SampleSet,
): string[] {
  const warnings: string[] = [];
  if (own !== null && own.rows <= statistics.dimensions) {
    warnings.push(
      `${who}: ${own.rows} images for ${statistics.dimensions} features leave the covariance singular; the Frechet distance is far too large`,
    );
  } else if (own !== null && own.rows < 10 * statistics.dimensions) {
    warnings.push(
      `${who}: ${own.rows} images are few for ${statistics.dimensions} features; the Frechet distance is too large, and only comparable at the same number of images`,
    );
  }
  const largest = labels?.reduce((max, label) => Math.max(max, label), 0) ?? 0;
  if (probabilities !== null && largest >= probabilities.classes) {
    warnings.push(`${who}: a label of ${largest}, where the network has ${probabilities.classes} classes`);
  }
  return warnings;
}
