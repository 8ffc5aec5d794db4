import { describe, expect, it } from 'vitest';
import { drawNoise, slerp } from '../../src/core/index.ts';

const norm = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

describe('slerp', () => {
  it('of two orthogonal unit vectors is (cos, sin) of the part of a right angle', () => {
    const u = Float32Array.of(1, 0);
    const v = Float32Array.of(0, 1);
    for (const fraction of [0.1, 0.25, 0.5, 0.9]) {
      const [x, y] = slerp(u, v, fraction);
      expect(x).toBeCloseTo(Math.cos((fraction * Math.PI) / 2), 6);
      expect(y).toBeCloseTo(Math.sin((fraction * Math.PI) / 2), 6);
    }
  });

  it('divides any angle evenly', () => {
    const u = Float32Array.of(1, 0);
    const v = Float32Array.of(Math.cos(2.5), Math.sin(2.5));
    const [x, y] = slerp(u, v, 0.3);
    expect(Math.atan2(y!, x!)).toBeCloseTo(0.75, 6);
  });

  it('is exact at its ends', () => {
    const u = drawNoise([1], 1024, 0);
    const v = drawNoise([2], 1024, 0);
    expect(slerp(u, v, 0)).toEqual(u);
    expect(slerp(u, v, 1)).toEqual(v);
  });

  it('keeps the norm of noise, where a straight line loses a third of it', () => {
    const u = drawNoise([1], 4096, 0);
    const v = drawNoise([2], 4096, 0);
    const middle = slerp(u, v, 0.5);
    expect(norm(middle) / norm(u)).toBeCloseTo(1, 1);
    expect(norm(u.map((value, i) => (value + v[i]!) / 2)) / norm(u)).toBeLessThan(0.75);
  });

  it('is the straight line between parallel vectors', () => {
    expect([...slerp(Float32Array.of(1, 2), Float32Array.of(3, 6), 0.5)]).toEqual([2, 4]);
  });

  it.each([
    ['sizes that differ', [1], [1, 2], 0.5],
    ['a fraction outside [0, 1]', [1], [2], 1.5],
    ['a fraction that is no number', [1], [2], Number.NaN],
    ['a vector of zeros', [0], [2], 0.5],
  ])('refuses %s', (_what, u, v, fraction) => {
    expect(() => slerp(Float32Array.from(u), Float32Array.from(v), fraction)).toThrow(RangeError);
  });
});
