/** A uniform random class for an image, as a function of its seed alone. */
import { checkSeed } from './noise.ts';
import { philox4x32 } from './philox.ts';

/**
 * The class of an image of this seed: the first word of Philox4x32-10 at the counter (0, 0, 0, 1), with the 64-bit seed
 * as key, modulo the number of classes. Noise has a 0 in the counter's last word, so that a label shares no word with
 * x_T or the noise of a step. Of K classes none is likelier than another by more than K / 2^32.
 *
 * The reference's script draws `torch.randint(0, K, (N,))` from one generator for all images, before x_T. The
 * distribution is the same; here an image keeps its label whatever job or batch it is drawn in.
 *
 * @param seed of the image, a whole number in 0 .. 2^53 - 1
 * @param classes K, 1 .. 2^32 - 1
 * @returns 0 .. K - 1
 * @throws {RangeError} if an argument is out of its range
 */
export function drawLabel(seed: number, classes: number): number {
  checkSeed(seed);
  if (!Number.isInteger(classes) || classes < 1 || classes > 0xffffffff) {
    throw new RangeError(`there is a positive whole number of classes, got ${classes}`);
  }
  const words = new Uint32Array(4);
  philox4x32(0, 0, 0, 1, seed | 0, Math.floor(seed / 2 ** 32) | 0, words);
  return words[0]! % classes;
}
