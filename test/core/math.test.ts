import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cos, exp, log, roundHalfEven, sin } from '../../src/core/math.ts';

const float64 = new Float64Array(1);
const bits = new BigInt64Array(float64.buffer);

/** Number of float64 values between two of them. */
function ulps(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const ordered = (x: number) => {
    float64[0] = x;
    const pattern = bits[0]!;
    return pattern < 0n ? -(pattern & 0x7fffffffffffffffn) : pattern;
  };
  const difference = ordered(a) - ordered(b);
  return Number(difference < 0n ? -difference : difference);
}

/** The engine's own functions are off by up to 1 ulp themselves. */
const ULPS = 2;

function staysClose(ours: (x: number) => number, engines: (x: number) => number, min: number, max: number) {
  fc.assert(
    fc.property(fc.double({ min, max, noNaN: true }), (x) => ulps(ours(x), engines(x)) <= ULPS),
    { numRuns: 20_000, seed: 1 },
  );
}

describe('portable exp, log, sin and cos', () => {
  it('exp stays within 2 ulp of the engine, into the subnormals and up to the overflow', () => {
    staysClose(exp, Math.exp, -745.2, 709.79);
    staysClose(exp, Math.exp, -20, 20);
  });

  it('log stays within 2 ulp of the engine, subnormals included', () => {
    staysClose(log, Math.log, 0, Number.MAX_VALUE);
    staysClose(log, Math.log, 0, 4);
    staysClose(log, Math.log, 0.99, 1.01);
  });

  it.each([7, 5000, 823549])('sin and cos stay within 2 ulp of the engine up to %d radians', (limit) => {
    staysClose(sin, Math.sin, -limit, limit);
    staysClose(cos, Math.cos, -limit, limit);
  });

  it('keep full accuracy beside the zeros of sine and cosine', () => {
    for (let k = -2000; k <= 2000; k++) {
      const angle = (k * Math.PI) / 2;
      expect(ulps(sin(angle), Math.sin(angle)), `sin(${k} pi / 2)`).toBeLessThanOrEqual(ULPS);
      expect(ulps(cos(angle), Math.cos(angle)), `cos(${k} pi / 2)`).toBeLessThanOrEqual(ULPS);
    }
  });

  it('have the limits of the real functions', () => {
    expect([exp(-Infinity), exp(Infinity), exp(0), exp(710), exp(-746)]).toEqual([
      0,
      Infinity,
      1,
      Infinity,
      0,
    ]);
    expect([log(0), log(Infinity), log(1)]).toEqual([-Infinity, Infinity, 0]);
    expect([exp(NaN), log(NaN), log(-1)]).toEqual([NaN, NaN, NaN]);
    expect(log(Number.MAX_VALUE)).toBeCloseTo(709.782712893384, 12);
    expect(log(Number.MIN_VALUE)).toBeCloseTo(-744.4400719213812, 12);
  });

  it('refuse angles whose reduction would lose accuracy', () => {
    expect(() => sin(1e6)).toThrow(RangeError);
    expect(() => cos(NaN)).toThrow(RangeError);
  });

  it('give the bits that are written down here, on every engine', () => {
    expect([exp(2), exp(-0.3), log(5), log(0.3), sin(1), sin(6), cos(2), cos(4000)]).toEqual(PINNED);
  });
});

const PINNED = [
  7.38905609893065, 0.7408182206817179, 1.6094379124341003, -1.2039728043259361, 0.8414709848078965,
  -0.27941549819892586, -0.4161468365471424, -0.7299469595492275,
];

describe('roundHalfEven', () => {
  it('sends ties to the even neighbour', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map((x) => roundHalfEven(x) + 0)).toEqual([
      0, 2, 2, 0, -2, 2, 3,
    ]);
  });
});
