/** Runs the sides of a comparison in turns, A B A B: what else the machine does then falls on both. */

/** One measured piece of work; returns what it took, in the unit of its row. */
export type Sample = () => number | Promise<number>;

/**
 * Warms every side up, then takes one value of each per round. Every second round goes backwards, so that no side
 * always follows the same other.
 *
 * @param warmUps values of each side that are thrown away first
 * @param withinMs no further round is begun after this long, once there are {@link FEWEST_ROUNDS}
 * @returns per side, in the order given, one value per round
 */
export async function interleave<K extends string>(
  sides: Readonly<Record<K, Sample>>,
  rounds: number,
  warmUps = 1,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<Record<K, number[]>> {
  const names = Object.keys(sides) as K[];
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  const startedAt = performance.now();
  for (let i = 0; i < warmUps; i++) {
    for (const name of names) await sides[name]();
  }
  for (let round = 0; round < rounds; round++) {
    if (round >= FEWEST_ROUNDS && performance.now() - startedAt > withinMs) break;
    for (const name of round % 2 === 0 ? names : names.toReversed()) values[name].push(await sides[name]());
  }
  return values;
}

/** Of fewer, a median says nothing. */
const FEWEST_ROUNDS = 3;

/** @returns milliseconds per call of `work`, called `times` times in a row */
export async function timePerCall(work: () => unknown, times: number): Promise<number> {
  const startedAt = performance.now();
  for (let i = 0; i < times; i++) await work();
  return (performance.now() - startedAt) / times;
}
