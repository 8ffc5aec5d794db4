/** Gradients of resampling. */
import type { Value } from '../../graph/index.ts';
import { resizeScales } from '../../shapes/resize.ts';
import type { GradientContext, GradientRule } from '../context.ts';

/** Repeats every pixel `factors` times along each spatial axis. */
export function repeatPixels(n: GradientContext, x: Value, factors: readonly number[]): Value {
  return n.g.op('Resize', [x, undefined, n.g.constant([1, 1, ...factors])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** Repeating pixels a whole number of times: sum over the copies. */
const resize: GradientRule = (n) => [
  () => {
    const mode = n.forward.string('mode', 'nearest');
    const factors = resizeScales(n.forward) ?? scalesFromSizes(n);
    const [batch, channels, ...spatial] = factors;
    const whole = spatial.every((factor) => Number.isInteger(factor) && factor >= 1);
    if (mode !== 'nearest' || batch !== 1 || channels !== 1 || !whole || !repeats(n)) {
      return n.fail('only nearest-neighbour resizing by whole factors is supported');
    }
    const copies = spatial.reduce((product, factor) => product * factor, 1);
    const mean = n.g.op('AveragePool', [n.dy], { kernel_shape: spatial, strides: spatial });
    return n.mul(mean, copies);
  },
];

function scalesFromSizes(n: GradientContext): readonly number[] {
  const [before, after] = [n.x().shape, n.y().shape];
  return before.map((dim, axis) => {
    const size = after[axis]!;
    if (dim === size) return 1;
    return typeof dim === 'number' && typeof size === 'number' ? size / dim : Number.NaN;
  });
}

/** Whether output pixel i is input pixel floor(i / factor), for whole factors. */
function repeats(n: GradientContext): boolean {
  const coordinates = n.forward.string('coordinate_transformation_mode', 'half_pixel');
  const rounding = n.forward.string('nearest_mode', 'round_prefer_floor');
  if (coordinates === 'asymmetric') return rounding === 'floor';
  return ['half_pixel', 'pytorch_half_pixel'].includes(coordinates) && rounding.startsWith('round');
}

export const resizing: Readonly<Record<string, GradientRule>> = { Resize: resize };
