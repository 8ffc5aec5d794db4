/**
 * The common time axis of a sample and its forks: 0 is noise, 1 the picture. A fork leaves its source where it was and
 * takes as many steps as it likes to the end.
 */

export interface Walk {
  readonly steps: number;
  /** Steps shared with the source; 0 for none. */
  readonly sharedSteps: number;
  readonly source: Walk | null;
}

/** @param step 0 .. steps */
export function positionOf(walk: Walk, step: number): number {
  const { steps, sharedSteps, source } = walk;
  if (source === null || sharedSteps === 0) return step / steps;
  const left = positionOf(source, sharedSteps);
  if (step <= sharedSteps) return positionOf(source, step);
  return left + ((1 - left) * (step - sharedSteps)) / (steps - sharedSteps);
}

/** The last step taken by then. @param position 0 .. 1 */
export function stepAt(walk: Walk, position: number): number {
  const { steps, sharedSteps, source } = walk;
  // A hair of tolerance: the position of step k is a quotient, and must give k again.
  if (source === null || sharedSteps === 0) return Math.floor(position * steps + 1e-6);
  const left = positionOf(source, sharedSteps);
  if (position <= left) return Math.min(stepAt(source, position), sharedSteps);
  return sharedSteps + Math.floor(((position - left) / (1 - left)) * (steps - sharedSteps) + 1e-6);
}
