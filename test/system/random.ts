/** Random moments that a printed seed brings back. */

export interface Random {
  readonly seed: number;
  /** A number from `min` to below `max`. */
  between(min: number, max: number): number;
}

/** Seeded by KILL_SEED, else anew; says which on the console. */
export function seededRandom(what: string): Random {
  const seed = Number(process.env.KILL_SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`${what}: KILL_SEED=${seed}`);
  let state = seed >>> 0;
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, between: (min, max) => min + next() * (max - min) };
}
