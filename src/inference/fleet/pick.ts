/** What decides which backend takes a step. */
export interface Load {
  /** How much it takes compared with the others. */
  readonly weight: number;
  /** Images under way there. */
  readonly inFlight: number;
  /** Milliseconds per image lately; null if nothing is known. */
  readonly msPerImage: number | null;
}

/**
 * Power of two choices (Mitzenmacher 2001): of two backends drawn at random, the one that would be done sooner with
 * its images under way and these. The best of all would draw every caller to the same backend at once, because each
 * isolate learns of the others' load late.
 *
 * @param images of the batch to place
 * @param random uniform in [0, 1); decides who computes, never what
 * @returns index into `loads`
 */
export function pick(loads: readonly Load[], images: number, random: () => number): number {
  if (loads.length === 1) return 0;
  const first = Math.floor(random() * loads.length);
  const other = Math.floor(random() * (loads.length - 1));
  const second = other < first ? other : other + 1;
  const newcomer = newcomerMs(loads);
  const msOf = (i: number) => expectedMs(loads[i]!, images, newcomer);
  return msOf(second) < msOf(first) ? second : first;
}

function expectedMs({ weight, inFlight, msPerImage }: Load, images: number, newcomer: number): number {
  return ((msPerImage ?? newcomer) * (inFlight + images)) / weight;
}

/** One that nothing is known of passes for the fastest: it is tried soon, but not by everybody at once. */
function newcomerMs(loads: readonly Load[]): number {
  const known = loads.flatMap(({ msPerImage }) => (msPerImage === null ? [] : [msPerImage]));
  return known.length === 0 ? 1 : Math.min(...known);
}
