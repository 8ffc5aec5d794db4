/** CRC-32 as PNG and ZIP use it (ISO 3309, polynomial 0xEDB88320 reflected), also of parts that are never in one place. */

const POLYNOMIAL = 0xedb88320;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value >>> 0;
});

/** @param before CRC of the bytes that come before these */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * CRC of a followed by b, from the CRCs of the two: that of a is multiplied by x^(bits of b) modulo the polynomial.
 *
 * @param bLength bytes of b
 */
export function combineCrc32(a: number, b: number, bLength: number): number {
  return (multiply(powerOfX(bLength * 8), a) ^ b) >>> 0;
}

/** Polynomials over GF(2), the highest bit for x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let mask = 0x80000000, shifted = b; mask !== 0; mask >>>= 1) {
    if (a & mask) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

function powerOfX(exponent: number): number {
  let power = 0x80000000;
  for (let square = 0x40000000, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return power;
}
