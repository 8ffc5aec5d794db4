/**
 * Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3"):
 * four 32-bit words as a pure function of a 128-bit counter and a 64-bit key.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_POW_MINUS_32 = 2.3283064365386963e-10;

/** Words of a counter, each in 0 .. 2^32 - 1, the lowest first. */
export type PhiloxCounter = readonly [number, number, number, number];
/** Words of a key, each in 0 .. 2^32 - 1, the lower first. */
export type PhiloxKey = readonly [number, number];

/** Writes the four output words to `out` at `offset`. */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey, out: Uint32Array, offset = 0): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    // The 64-bit product in float64 is off by less than 2^12, which is 2^-20 of its high word: + 0.5 finds the word.
    const high0 = ((MULTIPLIER_0 * c0 - low0) * TWO_POW_MINUS_32 + 0.5) >>> 0;
    const high1 = ((MULTIPLIER_1 * c2 - low1) * TWO_POW_MINUS_32 + 0.5) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
}
