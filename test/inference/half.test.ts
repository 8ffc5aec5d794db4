import { describe, expect, test } from 'vitest';
import { fromHalf, HALF_OVERFLOW, roundToHalf, toHalf } from '../../src/inference/half.ts';

/** Value of a half by the definition of binary16 (IEEE 754-2019, 3.4): sign, 5 bits of exponent, 10 of fraction. */
function valueOfHalf(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const ALL = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
/** Every finite half from the smallest to the largest; -0 is left out. */
const FINITE = [...ALL].filter((bits) => bits !== 0x8000 && Number.isFinite(valueOfHalf(bits)));

function bitsOf(values: Float16Array): Uint16Array {
  return new Uint16Array(values.buffer);
}

test('every half is the float32 that its bits mean', () => {
  const floats = fromHalf(new Float16Array(ALL.buffer));
  expect([...floats]).toEqual(Array.from(ALL, valueOfHalf));
});

test('every half comes back as itself', () => {
  const numbers = ALL.filter((bits) => !Number.isNaN(valueOfHalf(bits)));
  expect(bitsOf(toHalf(Float32Array.from(numbers, valueOfHalf)))).toEqual(numbers);
});

describe('between two neighbouring halves', () => {
  const sorted = FINITE.toSorted((a, b) => valueOfHalf(a) - valueOfHalf(b));
  const pairs = sorted.slice(1).map((upper, i) => ({ lower: sorted[i]!, upper }));
  const middle = Float32Array.from(
    pairs,
    ({ lower, upper }) => (valueOfHalf(lower) + valueOfHalf(upper)) / 2,
  );
  /** +0 and -0 are one value. */
  const same = (bits: number) => (bits === 0x8000 ? 0 : bits);

  test('the middle goes to the even one', () => {
    const rounded = Array.from(bitsOf(toHalf(middle)), same);
    expect(rounded).toEqual(pairs.map(({ lower, upper }) => (lower % 2 === 0 ? lower : upper)));
  });

  test('the float32 next to the middle goes to the nearer one', () => {
    const bits = new Int32Array(middle.buffer);
    const away = new Float32Array(bits.map((b) => b + 1).buffer);
    const toZero = new Float32Array(bits.map((b) => b - 1).buffer);
    const positive = (i: number) => middle[i]! > 0;
    const outer = pairs.map(({ lower, upper }, i) => (positive(i) ? upper : lower));
    const inner = pairs.map(({ lower, upper }, i) => (positive(i) ? lower : upper));
    expect(Array.from(bitsOf(toHalf(away)), same)).toEqual(outer);
    expect(Array.from(bitsOf(toHalf(toZero)), same)).toEqual(inner);
  });
});

test('any float32 goes to the nearest half', () => {
  // A full-period generator over 32 bits: floats of every size, none twice.
  let bits = 12_345;
  const floats = new Float32Array(
    Int32Array.from({ length: 200_000 }, () => {
      bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) | 0;
      return bits;
    }).buffer,
  ).filter((value) => Math.abs(value) < HALF_OVERFLOW);
  const rounded = roundToHalf(floats);
  const neighbours = FINITE.map(valueOfHalf).toSorted((a, b) => a - b);
  expect(floats.length).toBeGreaterThan(100_000);
  for (const [i, value] of floats.entries()) {
    let low = 0;
    for (let high = neighbours.length; high - low > 1; ) {
      const mid = (low + high) >> 1;
      if (neighbours[mid]! <= value) low = mid;
      else high = mid;
    }
    const best = Math.min(
      Math.abs(value - neighbours[low]!),
      Math.abs(value - (neighbours[low + 1] ?? Number.POSITIVE_INFINITY)),
    );
    if (Math.abs(value - rounded[i]!) !== best) throw new Error(`${value} became ${rounded[i]}`);
  }
});

test('what lies beyond the largest half is infinite from 65520 on', () => {
  const values = Float32Array.of(65_504, 65_519.99, HALF_OVERFLOW, -HALF_OVERFLOW);
  expect([...roundToHalf(values)]).toEqual([
    65_504,
    65_504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
});
