/** The error function to the last few bits of a double. */

const SERIES_UP_TO = 3;
const TERMS = 100;

export function erf(x: number): number {
  const z = Math.abs(x);
  return Math.sign(x) * (z < SERIES_UP_TO ? series(z) : 1 - fraction(z));
}

/** 2/sqrt(pi) exp(-z^2) sum of 2^n z^(2n+1) / (1 3 5 ... (2n+1)): all terms are positive (Abramowitz and Stegun 7.1.6). */
function series(z: number): number {
  let [sum, term] = [z, z];
  for (let n = 1; n < TERMS; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

/** 1 - erf(z) as exp(-z^2) / sqrt(pi) / (z + 1/2 / (z + 1 / (z + 3/2 / (z + ...)))) (Abramowitz and Stegun 7.1.14). */
function fraction(z: number): number {
  let below = z;
  for (let n = TERMS; n > 0; n--) below = z + n / 2 / below;
  return Math.exp(-z * z) / Math.sqrt(Math.PI) / below;
}
