/** Gaussian noise as a function of seed, element and call, in the layout of PyTorch's CUDA generator. */
import { log, sin } from './math.ts';
import { philox4x32 } from './philox.ts';

/** float32(2^-32) and float32(2 pi / 2^32): from a word to (0, 1) and to (0, 2 pi). */
const TO_UNIT = 2.3283064365386963e-10;
const TO_ANGLE = Math.fround(TO_UNIT * 6.2831855);

/**
 * The seed of image n of a job with seed s: s + n, so that a seed names a picture in whatever job it appears.
 *
 * @throws {RangeError} if s or the result is no whole number in 0 .. 2^53 - 1
 */
export function imageSeed(seed: number, image: number): number {
  checkSeed(seed);
  checkSeed(seed + image);
  return seed + image;
}

/**
 * Standard normal noise `[N, elements]`: for each image what a generator of PyTorch on CUDA seeded with its seed draws
 * in its (call + 1)-th `randn` of `elements` values. Call 0 is x_T, call k the noise of the k-th step.
 *
 * The layout is that of one element per GPU thread, which a GPU keeps for tensors up to about 10^5 elements.
 *
 * @param seeds one per image, whole numbers in 0 .. 2^53 - 1
 * @param elements C * H * W
 * @param call 0 .. 2^32 - 1
 * @throws {RangeError} if an argument is out of its range
 */
export function drawNoise(seeds: readonly number[], elements: number, call: number): Float32Array {
  if (!Number.isSafeInteger(elements) || elements < 1) {
    throw new RangeError(`an image has a positive whole number of elements, got ${elements}`);
  }
  if (!Number.isInteger(call) || call < 0 || call > 0xffffffff) {
    throw new RangeError(`a call is a whole number in 0 .. 2^32 - 1, got ${call}`);
  }
  const noise = new Float32Array(seeds.length * elements);
  const pairs = new Uint32Array(2 * elements);
  for (const [image, seed] of seeds.entries()) {
    checkSeed(seed);
    drawPairs(pairs, seed, call);
    boxMuller(pairs, noise.subarray(image * elements, (image + 1) * elements));
  }
  return noise;
}

/** The first two of the four words per element: counter (call, 0, element, 0), the 64-bit seed as key. */
function drawPairs(pairs: Uint32Array, seed: number, call: number): void {
  const keyLow = seed | 0;
  const keyHigh = Math.floor(seed / 2 ** 32) | 0;
  const words = new Uint32Array(4);
  for (let element = 0; 2 * element < pairs.length; element++) {
    philox4x32(call, 0, element, 0, keyLow, keyHigh, words);
    pairs[2 * element] = words[0]!;
    pairs[2 * element + 1] = words[1]!;
  }
}

/** The first of the two normal values of the Box-Muller transform of each pair. */
function boxMuller(pairs: Uint32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const u = pairs[2 * i]! * TO_UNIT + TO_UNIT / 2;
    const angle = pairs[2 * i + 1]! * TO_ANGLE + TO_ANGLE / 2;
    out[i] = Math.sqrt(-2 * log(u)) * sin(angle);
  }
}

/** @throws {RangeError} */
export function checkSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed is a whole number in 0 .. 2^53 - 1, got ${seed}`);
  }
}
