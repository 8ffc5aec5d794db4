/** Between two pieces of noise along the sphere that both lie on. */
import { cos, sin } from './math.ts';

/** Below this sine two directions are one (or opposite): the straight line is as good, and has no division by 0. */
const NEARLY_PARALLEL = 1e-6;

/**
 * Spherical linear interpolation (Shoemake 1985; for x_T: Song et al. 2021, appendix D.5, eq. 67):
 * sin((1 - a) theta) / sin(theta) u + sin(a theta) / sin(theta) v, with theta the angle between u and v. Gaussian noise
 * keeps its norm on the way, which a straight line would shrink.
 *
 * @param u, v of one shape, neither all zeros
 * @param fraction a in [0, 1]: 0 gives exactly u, 1 exactly v
 * @throws {RangeError} if the sizes differ, a vector is 0, or the fraction is outside [0, 1]
 */
export function slerp(u: Float32Array, v: Float32Array, fraction: number): Float32Array {
  if (u.length !== v.length)
    throw new RangeError(`tensors of ${u.length} and ${v.length} values do not match`);
  if (!(fraction >= 0 && fraction <= 1))
    throw new RangeError(`a fraction lies in [0, 1], this is ${fraction}`);
  if (fraction === 0) return u.slice();
  if (fraction === 1) return v.slice();
  const theta = angleBetween(u, v);
  const whole = sin(theta);
  const [ofU, ofV] =
    whole < NEARLY_PARALLEL
      ? [1 - fraction, fraction]
      : [sin((1 - fraction) * theta) / whole, sin(fraction * theta) / whole];
  return u.map((value, i) => ofU * value + ofV * v[i]!);
}

/** In [0, pi]. @throws {RangeError} if a vector is 0 */
function angleBetween(u: Float32Array, v: Float32Array): number {
  let uu = 0;
  let uv = 0;
  let vv = 0;
  for (let i = 0; i < u.length; i++) {
    uu += u[i]! * u[i]!;
    uv += u[i]! * v[i]!;
    vv += v[i]! * v[i]!;
  }
  if (uu === 0 || vv === 0) throw new RangeError('a vector of zeros has no direction');
  return arccos(Math.min(1, Math.max(-1, uv / Math.sqrt(uu * vv))));
}

/** By bisection with our own cosine, so that the bits are the same in every engine (see math.ts). */
function arccos(c: number): number {
  let low = 0;
  let high = Math.PI;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (cos(middle) > c) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
