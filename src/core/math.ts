/**
 * exp, log, sin and cos with the same bits in every JavaScript engine.
 *
 * Engines may round Math.exp, Math.log, Math.sin and Math.cos differently in the last bit, and a seed has to name
 * the same picture everywhere. These use only + - * / on float64, which IEEE 754 defines to the bit. The reductions
 * and polynomial coefficients are those of fdlibm (Sun Microsystems, 1993); errors stay below 1 ulp.
 */

const LN2_HIGH = 6.931471803691238e-1; // 33 bits, so that k * LN2_HIGH is exact
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = Math.LOG2E;

/** Adding and subtracting 1.5 * 2^52 rounds to the nearest integer, ties to even. */
const ROUND = 6755399441055744;

const float64 = new Float64Array(1);
const words = new Int32Array(float64.buffer);
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

const SMALLEST_NORMAL = 2.2250738585072014e-308;
const TWO_POW_54 = 18014398509481984;
const POWER_BIAS = 1022;
/** 2^k at index k + 1022, for every normal exponent. */
const POWERS_OF_TWO = powersOfTwo();
const TWO_POW_1022 = POWERS_OF_TWO[POWER_BIAS + 1022]!;

function powersOfTwo(): Float64Array {
  const table = new Float64Array(2046);
  table[POWER_BIAS] = 1;
  for (let k = 1; k <= 1023; k++) table[POWER_BIAS + k] = table[POWER_BIAS + k - 1]! * 2;
  for (let k = 1; k <= 1022; k++) table[POWER_BIAS - k] = table[POWER_BIAS - k + 1]! / 2;
  return table;
}

/** y * 2^k for y in [0.5, 2], correct into the subnormals and up to the overflow. */
function scaleByPowerOfTwo(y: number, k: number): number {
  if (k > 1023) return y * 2 * POWERS_OF_TWO[POWER_BIAS + k - 1]!;
  if (k < -1021) return y * POWERS_OF_TWO[POWER_BIAS + k + 1000]! * POWERS_OF_TWO[POWER_BIAS - 1000]!;
  return y * POWERS_OF_TWO[POWER_BIAS + k]!;
}

/** e^x. Overflows to Infinity above 709.78 and underflows to 0 below -745.13. */
export function exp(x: number): number {
  if (!(x < 709.782712893384)) return x > 0 ? Infinity : x; // x is too large, or NaN
  if (x < -745.1332191019411) return 0;
  const k = x * INVERSE_LN2 + ROUND - ROUND;
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (1.6666666666666602e-1 +
        t *
          (-2.7777777777015593e-3 +
            t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))));
  return scaleByPowerOfTwo(1 - (low - (r * c) / (2 - c) - high), k);
}

/** Natural logarithm. log(0) is -Infinity, log of a negative number is NaN. */
export function log(x: number): number {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  // near the ends of the range 2^-k is no normal number: take another x and correct for it
  if (x < SMALLEST_NORMAL) return log(x * TWO_POW_54) - 54 * Math.LN2;
  if (x >= TWO_POW_1022) return log(x / TWO_POW_54) + 54 * Math.LN2;
  // x = 2^k (1 + f) with sqrt(1/2) < 1 + f < sqrt(2); the high word of a float64 holds its exponent
  float64[0] = x;
  const highWord = words[HIGH_WORD]!;
  const aboveRootTwo = ((highWord & 0xfffff) + 0x95f64) >> 20;
  const k = (highWord >> 20) - 1023 + aboveRootTwo;
  const f = x * POWERS_OF_TWO[POWER_BIAS - k]! - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (3.999999999940942e-1 + w * (2.2222198432149784e-1 + w * 1.5313837699209373e-1));
  const odd =
    z *
    (6.666666666666735e-1 +
      w * (2.857142874366239e-1 + w * (1.818357216161805e-1 + w * 1.4798198605116586e-1)));
  const halfSquare = 0.5 * f * f;
  return k * LN2_HIGH - (halfSquare - (s * (halfSquare + even + odd) + k * LN2_LOW) - f);
}

/** pi / 2 in two parts of 33 bits and the rest, so that small multiples of the parts are exact. */
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_2_REST = 2.0222662487959506e-21;
const INVERSE_HALF_PI = 6.366197723675814e-1;
const LARGEST_ANGLE = 823549;

/** sin(x + quadrants * pi / 2). */
function sinOfQuadrant(x: number, quadrants: number): number {
  if (!(x <= LARGEST_ANGLE && x >= -LARGEST_ANGLE)) {
    throw new RangeError(`sin and cos take angles of at most ${LARGEST_ANGLE} radians, got ${x}`);
  }
  const n = x * INVERSE_HALF_PI + ROUND - ROUND;
  const first = x - n * HALF_PI_1;
  const second = n * HALF_PI_2;
  const reduced = first - second;
  const rest = n * HALF_PI_2_REST - (first - reduced - second);
  const y = reduced - rest;
  const yLow = reduced - y - rest;
  const quadrant = (n + quadrants) & 3;
  const value = (quadrant & 1) === 0 ? sinKernel(y, yLow) : cosKernel(y, yLow);
  return (quadrant & 2) === 0 ? value : -value;
}

/** sin(y + yLow) for |y| <= pi / 4. */
function sinKernel(y: number, yLow: number): number {
  const z = y * y;
  const v = z * y;
  const r =
    8.33333333332249e-3 +
    z *
      (-1.984126982985795e-4 +
        z * (2.7557313707070068e-6 + z * (-2.5050760253406863e-8 + z * 1.58969099521155e-10)));
  return y - (z * (0.5 * yLow - v * r) - yLow - v * -1.6666666666666632e-1);
}

/** cos(y + yLow) for |y| <= pi / 4. */
function cosKernel(y: number, yLow: number): number {
  const z = y * y;
  const w = z * z;
  const r =
    z * (4.16666666666666e-2 + z * (-1.388888888887411e-3 + z * 2.480158728947673e-5)) +
    w * w * (-2.7557314351390663e-7 + z * (2.087572321298175e-9 + z * -1.1359647557788195e-11));
  const halfSquare = 0.5 * z;
  const head = 1 - halfSquare;
  return head + (1 - head - halfSquare + (z * r - y * yLow));
}

/**
 * Sine of an angle in radians.
 *
 * @throws {RangeError} if |x| > 823549 or x is not a number
 */
export function sin(x: number): number {
  return sinOfQuadrant(x, 0);
}

/**
 * Cosine of an angle in radians.
 *
 * @throws {RangeError} if |x| > 823549 or x is not a number
 */
export function cos(x: number): number {
  return sinOfQuadrant(x, 1);
}

/** Nearest integer, ties to the even one, for |x| < 2^51. Math.round sends ties up. */
export function roundHalfEven(x: number): number {
  return x + ROUND - ROUND;
}
