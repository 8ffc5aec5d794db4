/** Gradients of normalisation layers with respect to their input. */
import type { Value } from '../../graph/index.ts';
import type { GradientContext, GradientRule } from '../context.ts';

/**
 * With c = x - mean, r = 1 / sqrt(var + epsilon) and the gradient g of the normalised c r, all along `axes`:
 * dx = r (g - mean(g)) - c r^3 mean(g c).
 */
function normalizedGradient(
  n: GradientContext,
  g: Value,
  { centred, inverse, axes }: { centred: Value; inverse: Value; axes: readonly number[] },
): Value {
  const scaled = n.mul(g, inverse);
  const along = n.mul(n.mean(n.mul(scaled, centred), axes), n.mul(inverse, inverse));
  return n.sub(n.sub(scaled, n.mul(centred, along)), n.mean(scaled, axes));
}

/** Normalises each channel of each image over its spatial axes, then scales and shifts it. */
const instanceNormalization: GradientRule = (n) => [
  () => {
    const rank = n.x().shape.length;
    const axes = n
      .x()
      .shape.map((_, axis) => axis)
      .slice(2);
    const centred = n.sub(n.x(), n.mean(n.x(), axes));
    const variance = n.mean(n.mul(centred, centred), axes);
    const inverse = n.op('Reciprocal', n.op('Sqrt', n.add(variance, n.forward.float('epsilon', 1e-5))));
    const scale = n.op('Reshape', n.x(1), n.g.ints([1, -1, ...Array.from({ length: rank - 2 }, () => 1)]));
    return normalizedGradient(n, n.mul(n.dy, scale), { centred, inverse, axes });
  },
];

/** Normalises over the last axes; its optional outputs are the statistics that the gradient needs. */
const layerNormalization: GradientRule = (n) => [
  () => {
    const { shape, dtype } = n.x();
    const first = n.forward.axis('axis', -1, shape.length);
    const axes = shape.map((_, axis) => axis).slice(first);
    const [mean, inverse] = [1, 2].map((index) => n.g.cast(n.g.optionalOutput(n.y(), index), dtype));
    const centred = n.sub(n.x(), mean!);
    return normalizedGradient(n, n.mul(n.dy, n.x(1)), { centred, inverse: inverse!, axes });
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
