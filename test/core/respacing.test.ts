import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RespacingError, spaceTimesteps } from '../../src/core/index.ts';

describe('spaceTimesteps', () => {
  it('keeps timesteps that are sorted, unique, in range, and as many as asked for', () => {
    const sections = fc.integer({ min: 1, max: 2000 }).chain((steps) =>
      fc.record({
        steps: fc.constant(steps),
        counts: fc
          .integer({ min: 1, max: 6 })
          .chain((n) =>
            fc.array(fc.integer({ min: 0, max: Math.floor(steps / n) }), { minLength: n, maxLength: n }),
          ),
      }),
    );
    fc.assert(
      fc.property(sections, ({ steps, counts }) => {
        const kept = spaceTimesteps(steps, counts);
        expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
        expect(kept.every((t) => Number.isInteger(t) && t >= 0 && t < steps)).toBe(true);
        expect(kept).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
        expect(spaceTimesteps(steps, counts.join(' , '))).toEqual(kept);
      }),
    );
  });

  it('keeps every k-th timestep from 0 for "ddimN"', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 3000 }), fc.integer({ min: 1, max: 3000 }), (steps, stride) => {
        fc.pre(stride < steps);
        const count = Math.ceil(steps / stride);
        const kept = spaceTimesteps(steps, `ddim${count}`);
        expect(kept).toHaveLength(count);
        expect(kept[0]).toBe(0);
        expect(new Set(kept.slice(1).map((t, i) => t - kept[i]!)).size).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('rounds half to even on the index inside the section', () => {
    expect(spaceTimesteps(1000, '7')).toEqual([0, 166, 333, 500, 666, 832, 999]);
  });

  it.each([
    ['', '"" is not a whole number'],
    ['1e2', '"1e2" is not a whole number'],
    ['10,,20', '"" is not a whole number'],
    ['2.5', '"2.5" is not a whole number'],
    ['0x10', '"0x10" is not a whole number'],
    ['ddim', '"" is not a whole number'],
    ['ddim25,5', '"25,5" is not a whole number'],
    ['1001', 'section 1 has 1000 timesteps, it cannot be divided into 1001'],
    ['10,600', 'section 2 has 500 timesteps, it cannot be divided into 600'],
    ['ddim300', 'no integer stride keeps exactly 300 of 1000 timesteps'],
  ])('refuses %j and says why', (respacing, reason) => {
    expect(() => spaceTimesteps(1000, respacing)).toThrow(RespacingError);
    expect(() => spaceTimesteps(1000, respacing)).toThrow(reason);
  });
});
