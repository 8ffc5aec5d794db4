import { describe, expect, it } from 'vitest';
import { toNHWC, toUint8 } from '../../src/core/index.ts';

describe('toUint8', () => {
  it('truncates and clamps', () => {
    const almost255 = 254.9999 / 127.5 - 1;
    const x = Float32Array.of(-1, 1, 0, almost255, -7, 9, -0.999, NaN, Infinity, -Infinity);
    expect([...toUint8(x)]).toEqual([0, 255, 127, 254, 0, 255, 0, 0, 255, 0]);
  });

  it('takes every byte back to itself from the middle of its interval', () => {
    const middles = Float32Array.from({ length: 255 }, (_, byte) => (byte + 0.5) / 127.5 - 1);
    expect([...toUint8(middles)]).toEqual(Array.from({ length: 255 }, (_, byte) => byte));
  });
});

describe('toNHWC', () => {
  it('interleaves the channels of each image', () => {
    const nchw = Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16);
    const nhwc = toNHWC(nchw, { channels: 3, height: 1, width: 2 });
    expect([...nhwc]).toEqual([1, 3, 5, 2, 4, 6, 11, 13, 15, 12, 14, 16]);
  });

  it('refuses a part of an image', () => {
    expect(() => toNHWC(new Uint8Array(7), { channels: 3, height: 1, width: 1 })).toThrow('7 bytes');
  });
});
