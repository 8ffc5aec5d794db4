import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canConvert, convertData } from '../../../src/inference/oip/convert.ts';

/** The value of an FP16 number's bits, from IEEE 754's definition. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

test('FP16 widens to exactly the number it stands for, every one of them', () => {
  const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const wide = convertData(new Float16Array(bits.buffer), 'FP16', 'FP32');
  expect(wide).toBeInstanceOf(Float32Array);
  expect([...wide!]).toEqual(Array.from(bits, half));
});

test('FP16 in the middle of a message widens like any other', () => {
  const message = Float16Array.of(9, 1.5, -2, 9);
  const wide = convertData(message.subarray(1, 3), 'FP16', 'FP32');
  expect(wide).toEqual(Float32Array.of(1.5, -2));
});

test('FP32 rounds to the nearest FP16 and beyond 65504 to infinity', () => {
  const narrow = convertData(Float32Array.of(1 / 3, 65504, 65520, -1e9, Number.NaN), 'FP32', 'FP16');
  const expected = [0.333251953125, 65504, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  expect([...narrow!]).toEqual(expected);
});

test('INT64 narrows to INT32 where the number fits, and to nothing where it does not', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      expect(convertData(BigInt64Array.of(BigInt(value)), 'INT64', 'INT32')).toEqual(Int32Array.of(value));
    }),
  );
  for (const value of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, 2n ** 62n]) {
    expect(convertData(BigInt64Array.of(value), 'INT64', 'INT32')).toBeNull();
  }
});

test('no other pair converts, and what is right already stays as it is', () => {
  expect(canConvert('FP64', 'FP32')).toBe(false);
  expect(() => convertData(Float64Array.of(1), 'FP64', 'FP32')).toThrow('no conversion from FP64 to FP32');
  const data = Float32Array.of(1);
  expect(convertData(data, 'FP32', 'FP32')).toBe(data);
});
