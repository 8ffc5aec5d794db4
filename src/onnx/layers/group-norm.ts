/** Group normalisation out of standard operators. */
import type { GraphBuilder, Value } from '../graph/index.ts';

export interface GroupNormOptions {
  readonly groups: number;
  readonly epsilon?: number;
}

/**
 * Group normalisation (Wu and He 2018, arXiv 1803.08494) without scale and shift: every group of C / groups channels
 * of one image gets mean 0 and variance 1.
 *
 * @param x `[N, C, ...]` with known sizes after the batch
 * @returns the shape of x
 * @throws {Error} if the groups do not divide the channels
 */
export function groupNormalize(
  g: GraphBuilder,
  x: Value,
  { groups, epsilon = 1e-5 }: GroupNormOptions,
): Value {
  const [, channels, ...spatial] = x.shape as number[];
  if (channels === undefined || channels % groups !== 0) {
    throw new Error(`${groups} groups do not divide the ${channels} channels of ${x.name}`);
  }
  const size = (channels / groups) * spatial.reduce((product, length) => product * length, 1);
  const grouped = g.op('Reshape', [x, g.ints([0, groups, size])]);
  const centred = g.op('Sub', [grouped, g.reduce('ReduceMean', grouped, [2])]);
  const variance = g.op('Div', [g.reduce('ReduceSumSquare', centred, [2]), g.constant(size)]);
  const deviation = g.op('Sqrt', [g.op('Add', [variance, g.constant(epsilon)])]);
  return g.op('Reshape', [g.op('Div', [centred, deviation]), g.ints([0, channels, ...spatial])]);
}

/**
 * Group normalisation with a scale and a shift for each channel.
 *
 * They may differ from image to image, as in the reference's scale-shift norm: fold 1 + scale into `weight` and the
 * rest into `bias` while they are small, and the large tensor is passed over only once for both.
 *
 * @param weight anything that broadcasts to x: `[1, C, 1, 1]`, or `[N, C, 1, 1]` for one per image
 * @param bias like `weight`
 */
export function groupNorm(
  g: GraphBuilder,
  x: Value,
  weight: Value,
  bias: Value,
  options: GroupNormOptions,
): Value {
  return g.op('Add', [g.op('Mul', [groupNormalize(g, x, options), weight]), bias]);
}
