/** Gradients of normalisation over channels, and over groups of them. */
import type { Value } from '../../graph/index.ts';
import type { GradientContext, GradientRule } from '../context.ts';
import { normalizedInput, throughStatistics } from './normalizations.ts';

/** Normalises groups of channels; the scale is one of each group up to operator set 20, one of each channel since 21. */
const groupNormalization: GradientRule = (n) => [
  () => {
    const { g } = n;
    const groups = n.forward.int('num_groups') ?? n.fail('attribute "num_groups" is missing');
    const [, channels] = n.x().shape;
    if (typeof channels !== 'number')
      return n.fail('the number of channels must be known before the graph runs');
    const grouped = (x: Value) => n.op('Reshape', x, g.ints([0, groups, -1]));
    const scale = n.x(1);
    const perChannel = scale.shape[0] === channels;
    const column = n.op(
      'Reshape',
      scale,
      g.ints([
        1,
        perChannel ? channels : groups,
        ...(perChannel
          ? n
              .x()
              .shape.slice(2)
              .map(() => 1)
          : [1]),
      ]),
    );
    const dy = perChannel ? grouped(n.mul(n.dy, column)) : n.mul(grouped(n.dy), column);
    const { normal, inverse } = normalizedInput(n, grouped(n.x()), [2]);
    return n.reshapeLike(throughStatistics(n, n.mul(dy, inverse), normal, [2]), n.x());
  },
];

/**
 * y = x / s^beta with s = bias + alpha / size * (sum of x^2 over neighbouring channels):
 * dx = dy / s^beta - 2 alpha beta / size * x * (sum of dy y / s over the channels whose neighbour it is).
 */
const localResponse: GradientRule = (n) => [
  () => {
    const size = n.forward.int('size') ?? n.fail('attribute "size" is missing');
    const alpha = n.forward.float('alpha', 1e-4);
    const beta = n.forward.float('beta', 0.75);
    const [x, below] = [n.x(), Math.floor((size - 1) / 2)];
    const square = windowMeans(n, n.mul(x, x), size, below);
    const s = n.add(n.mul(square, alpha), n.forward.float('bias', 1));
    const direct = n.mul(n.dy, n.op('Pow', s, n.constant(-beta, x.dtype)));
    const through = windowMeans(n, n.div(n.mul(n.dy, n.y()), s), size, size - 1 - below);
    return n.sub(direct, n.mul(n.mul(x, through), 2 * alpha * beta));
  },
];

/** Means over windows of channels (zeros outside): a pool over an image whose rows are the channels. */
function windowMeans(n: GradientContext, x: Value, size: number, below: number): Value {
  const { g } = n;
  const image = n.op(
    'Reshape',
    n.op('Unsqueeze', x, g.ints([1])),
    g.ints([0, 1, ...x.shape.slice(1, 2).map(Number), -1]),
  );
  const means = g.op('AveragePool', [image], {
    kernel_shape: [size, 1],
    pads: [below, 0, size - 1 - below, 0],
    count_include_pad: 1,
  });
  return n.reshapeLike(means, x);
}

/** y = x / |x| along an axis. */
const lpNormalization: GradientRule = (n) => [
  () => {
    if (n.forward.int('p', 2) !== 2) return n.fail('only the norm with p = 2 is supported');
    const axis = n.forward.axis('axis', -1, n.x().shape.length);
    const norm = n.g.reduce('ReduceL2', n.x(), [axis]);
    const along = n.sum(n.mul(n.dy, n.y()), [axis]);
    return n.div(n.sub(n.dy, n.mul(n.y(), along)), norm);
  },
];

export const channelNormalizations: Readonly<Record<string, GradientRule>> = {
  GroupNormalization: groupNormalization,
  LRN: localResponse,
  LpNormalization: lpNormalization,
};
