import { describe, expect, it } from 'vitest';
import { shrink } from '../../src/core/index.ts';

describe('shrink', () => {
  it('leaves an image alone that is small enough', () => {
    const x = Float32Array.of(0.1, 3, -3, 0.4);
    expect(shrink(x, { channels: 1, height: 2, width: 2 }, 2)).toEqual({
      ...{ channels: 1, height: 2, width: 2 },
      x,
    });
  });

  it('takes the mean of every box, channel by channel', () => {
    const red = [-1, 1, 0, 0, 1, 1, 0.5, 0.5];
    const green = red.map((value) => -value);
    const small = shrink(Float32Array.from([...red, ...green]), { channels: 2, height: 2, width: 4 }, 2);
    expect(small).toMatchObject({ channels: 2, height: 1, width: 2 });
    expect([...small.x]).toEqual([0.5, 0.25, -0.5, -0.25]);
  });

  it('counts values as they are shown: no further out than white and black', () => {
    const small = shrink(Float32Array.of(9, -1, -1, -1), { channels: 1, height: 2, width: 2 }, 1);
    expect([...small.x]).toEqual([-0.5]);
  });

  it('takes the mean of what there is where a box reaches over the edge', () => {
    const x = Float32Array.from({ length: 15 }, (_, i) => i / 16);
    const small = shrink(x, { channels: 1, height: 3, width: 5 }, 3);
    expect(small).toMatchObject({ height: 2, width: 3 });
    expect([...small.x]).toEqual([3, 5, 6.5, 10.5, 12.5, 14].map((value) => value / 16));
  });

  it('makes 256 x 256 and 512 x 512 fit', () => {
    for (const side of [256, 512]) {
      const x = new Float32Array(3 * side * side).fill(0.25);
      const small = shrink(x, { channels: 3, height: side, width: side }, 64);
      expect(small).toMatchObject({ height: 64, width: 64 });
      expect(small.x.every((value) => value === 0.25)).toBe(true);
    }
  });
});
