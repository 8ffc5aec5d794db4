/** @returns numbers between -1 and 1, the same ones for the same seed */
export function floatsFromSeed(seed: number, length: number): number[] {
  let state = seed + 1;
  return Array.from({ length }, () => {
    // A linear congruential generator (Numerical Recipes); its upper bits are random enough for an image.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
