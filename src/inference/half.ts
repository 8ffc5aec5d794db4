/**
 * Half precision (IEEE 754 binary16): 11 significant bits, largest value 65504. The engine's own conversion rounds to
 * nearest, ties to even, and is as fast as a table or bit arithmetic (5 ns a value).
 */

/** What is at least this far from 0 rounds to infinity. */
export const HALF_OVERFLOW = 65_520;

export function toHalf(values: Float32Array): Float16Array<ArrayBuffer> {
  return new Float16Array(values);
}

/** Exact: every half is a float32. */
export function fromHalf(values: Float16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(values);
}

/** The nearest halves, as float32 again. */
export function roundToHalf(values: Float32Array): Float32Array<ArrayBuffer> {
  return fromHalf(toHalf(values));
}
