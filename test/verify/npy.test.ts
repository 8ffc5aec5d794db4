import { describe, expect, it } from 'vitest';
import { parseNpy } from '../../src/verify/npy.ts';
import { npyBytes } from './write-npz.ts';

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

describe('parseNpy', () => {
  it.each([
    ['<f8', 'float64', new Float64Array([1.5, -2, 1e300])],
    ['<f4', 'float32', new Float32Array([1.5, -2, Infinity])],
    ['<i8', 'int64', new BigInt64Array([1n, -2n, 2n ** 40n])],
    ['<i4', 'int32', new Int32Array([1, -2, 7])],
    ['<u4', 'uint32', new Uint32Array([1, 2, 0xffffffff])],
    ['|u1', 'uint8', new Uint8Array([1, 2, 255])],
    ['|b1', 'bool', new Uint8Array([0, 1, 1])],
  ])('reads %s as %s', (descr, dtype, values) => {
    const array = parseNpy(npyBytes(descr, [3, 1], bytesOf(values)));
    expect(array).toMatchObject({ dtype, shape: [3, 1] });
    expect(Array.from(array.data)).toEqual(Array.from(values, Number));
  });

  it('reads scalars and empty arrays', () => {
    expect(parseNpy(npyBytes('<f4', [], bytesOf(Float32Array.of(3))))).toMatchObject({
      shape: [],
      data: Float32Array.of(3),
    });
    expect(parseNpy(npyBytes('<f4', [0, 4], new Uint8Array(0)))).toMatchObject({ shape: [0, 4] });
  });

  it('reads an array that starts at an odd address', () => {
    const bytes = npyBytes('<f8', [1], bytesOf(Float64Array.of(0.1)));
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(parseNpy(shifted.subarray(1)).data[0]).toBe(0.1);
  });

  it('refuses what it would read wrongly', () => {
    const data = bytesOf(Float32Array.of(1, 2));
    expect(() => parseNpy(npyBytes('<f4', [2], data, true))).toThrow('Fortran order');
    expect(() => parseNpy(npyBytes('>f4', [2], data))).toThrow('element type >f4');
    expect(() => parseNpy(npyBytes('<c8', [1], data))).toThrow('element type <c8');
    expect(() => parseNpy(npyBytes('<f4', [3], data))).toThrow('cut short: 8 bytes for 3 elements');
    expect(() => parseNpy(new TextEncoder().encode('PK, but not NumPy'))).toThrow('not an .npy file');
  });
});
