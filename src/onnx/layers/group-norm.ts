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
 * InstanceNormalization over the groups: of the ways to say it in standard operators it is the fastest, natively
 * (LayerNormalization takes 1.3 times, primitives 3 times as long) and in WebAssembly (2.5 and 1.1 times).
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
  const [ones, zeros] = [1, 0].map((value) =>
    g.constant(
      Array.from({ length: groups }, () => value),
      x.dtype,
    ),
  );
  const grouped = g.op('Reshape', [x, g.ints([0, groups, channels / groups, -1])]);
  const normal = g.op('InstanceNormalization', [grouped, ones, zeros], { epsilon });
  return g.op('Reshape', [normal, g.ints([0, channels, ...spatial])]);
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
