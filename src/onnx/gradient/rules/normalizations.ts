/** Gradients of normalisation layers with respect to their input. */
import { isUniform, type Value } from '../../graph/index.ts';
import type { GradientContext, GradientRule } from '../context.ts';
import { meanOfProduct } from '../mean-of-product.ts';

/** What a layer computed on the way: x normalised, and 1 / sqrt(variance + epsilon). */
export interface Normalized {
  readonly normal: Value;
  readonly inverse: Value;
}

/**
 * With the gradient g of the normalised values, already times `inverse`, and means along `axes`:
 * dx = g - mean(g) - normal mean(g normal).
 */
export function throughStatistics(
  n: GradientContext,
  g: Value,
  normal: Value,
  axes: readonly number[],
): Value {
  const along = meanOfProduct(n, g, normal, axes);
  return n.sub(n.sub(g, n.mul(normal, along)), n.mean(g, axes));
}

/** Normalises each channel of each image over its spatial axes, then scales and shifts it. */
const instanceNormalization: GradientRule = (n) => [
  () => {
    const axes = n
      .x()
      .shape.map((_, axis) => axis)
      .slice(2);
    const [scale, bias] = [n.g.tensorOf(n.x(1)), n.g.tensorOf(n.x(2))];
    const unit = scale !== undefined && isUniform(scale, 1);
    const plain = unit && bias !== undefined && isUniform(bias, 0);
    const { normal, inverse } = plain ? fromOutput(n, axes) : normalizedInput(n, n.x(), axes);
    const perChannel = axes.map(() => 1);
    const dy = unit ? n.dy : n.mul(n.dy, n.op('Reshape', n.x(1), n.g.ints([-1, ...perChannel])));
    const channels = plain ? channelSlope(n, dy) : undefined;
    if (channels === undefined) return throughStatistics(n, n.mul(dy, inverse), normal, axes);
    const scaled = n.mul(channels.gradient, n.mul(channels.slope, inverse));
    return throughStatistics(n, scaled, normal, axes);
  },
];

/**
 * The output is the normalised input; that gives the statistics with one product and one mean, because
 * q = mean(x normal) = var / sqrt(var + epsilon), and so 1 / sqrt(var + epsilon) = 2 / (q + sqrt(q^2 + 4 epsilon)).
 */
function fromOutput(n: GradientContext, axes: readonly number[]): Normalized {
  const epsilon = n.forward.float('epsilon', 1e-5);
  const normal = n.y();
  const q = meanOfProduct(n, n.x(), normal, axes);
  const root = n.op('Sqrt', n.add(n.mul(q, q), 4 * epsilon));
  return { normal, inverse: n.op('Div', n.constant(2, q.dtype), n.add(q, root)) };
}

/** x normalised again along `axes`, with the epsilon of the node. */
export function normalizedInput(n: GradientContext, x: Value, axes: readonly number[]): Normalized {
  const centred = n.sub(x, n.mean(x, axes));
  const variance = n.mean(n.mul(centred, centred), axes);
  const inverse = n.op('Reciprocal', n.op('Sqrt', n.add(variance, n.forward.float('epsilon', 1e-5))));
  return { normal: n.mul(centred, inverse), inverse };
}

interface ChannelSlope {
  /** In the shape of the normalised groups, `[N, groups, channels per group, pixels]`. */
  readonly gradient: Value;
  /** `[N or 1, groups, channels per group, 1]` */
  readonly slope: Value;
}

/**
 * Group normalisation scales each channel after normalising groups of them. If the gradient is a product with such a
 * scale, takes it apart, so that the scale can be multiplied with the statistics while both are small.
 */
function channelSlope(n: GradientContext, dy: Value): ChannelSlope | undefined {
  const { g } = n;
  const [, groups, perGroup] = dy.shape;
  if (dy.shape.length !== 4 || typeof groups !== 'number' || typeof perGroup !== 'number') return undefined;
  const reshape = g.producerOf(dy);
  if (reshape?.opType !== 'Reshape') return undefined;
  const product = g.producerOf(g.value(reshape.inputs[0]!));
  if (product?.opType !== 'Mul') return undefined;
  const [gradient, slope] = product.inputs.map((name) => g.value(name)) as [Value, Value];
  const spatial = gradient.shape.length - 2;
  const aligned = slope.shape.toReversed();
  const isPerChannel = aligned[spatial] === groups * perGroup && gradient.shape[1] === groups * perGroup;
  if (!isPerChannel || aligned.slice(0, spatial).some((dim) => dim !== 1)) return undefined;
  return {
    gradient: n.reshapeLike(gradient, dy),
    slope: g.op('Reshape', [slope, g.ints([-1, groups, perGroup, 1])]),
  };
}

/** Normalises over the last axes; its optional outputs are the statistics that the gradient needs. */
const layerNormalization: GradientRule = (n) => [
  () => {
    const { shape, dtype } = n.x();
    const first = n.forward.axis('axis', -1, shape.length);
    const axes = shape.map((_, axis) => axis).slice(first);
    const [mean, inverse] = [1, 2].map((index) => n.g.cast(n.g.optionalOutput(n.y(), index), dtype)) as [
      Value,
      Value,
    ];
    const normal = n.mul(n.sub(n.x(), mean), inverse);
    return throughStatistics(n, n.mul(n.mul(n.dy, n.x(1)), inverse), normal, axes);
  },
  undefined,
  n.dy,
];

/** With fixed statistics it is a scale and a shift of each channel. */
const batchNormalization: GradientRule = (n) => [
  () => {
    if (n.forward.int('training_mode', 0) === 1) return n.fail('it is in training mode');
    const deviation = n.op('Sqrt', n.add(n.x(4), n.forward.float('epsilon', 1e-5)));
    const perChannel = n
      .x()
      .shape.slice(2)
      .map(() => 1);
    const slope = n.op('Reshape', n.div(n.x(1), deviation), n.g.ints([-1, ...perChannel]));
    return n.mul(n.dy, slope);
  },
];

export const normalizations: Readonly<Record<string, GradientRule>> = {
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
};
