import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { combineCrc32, crc32 } from '../../src/files/crc32.ts';

test("is zlib's, also when it is continued", () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926); // the check value of the standard
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      expect(crc32(bytes.subarray(at), crc32(bytes.subarray(0, at)))).toBe(zlibCrc32(bytes));
    }),
  );
});

test('of two parts is that of both in a row', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
      expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(zlibCrc32(Buffer.concat([a, b])));
    }),
  );
});

test('of many equal parts stays right over gigabytes', () => {
  const part = new Uint8Array(1 << 20).fill(7);
  let whole = 0;
  let combined = 0;
  for (let i = 0; i < 8; i++) {
    whole = zlibCrc32(part, whole);
    combined = combineCrc32(combined, crc32(part), part.length);
  }
  expect(combined).toBe(whole);
  // Zero bytes as many as no buffer holds, by doubling.
  let zeros = crc32(new Uint8Array(1 << 16));
  for (let bytes = 1 << 16; bytes < 2 ** 33; bytes *= 2) zeros = combineCrc32(zeros, zeros, bytes);
  expect(zeros).toBe(1104745215);
});
