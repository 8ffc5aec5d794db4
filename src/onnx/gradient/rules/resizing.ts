/** Gradients of resampling. */
import { sameShape } from '../../graph/dim.ts';
import { tensorFrom, type Value } from '../../graph/index.ts';
import { interpolationWeights, type Weights } from '../../shapes/interpolation.ts';
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

const resize: GradientRule = (n) => [() => sumOverCopies(n) ?? transposedInterpolation(n)];

/** Repeating pixels a whole number of times: sum over the copies. */
function sumOverCopies(n: GradientContext): Value | undefined {
  if (n.forward.string('mode', 'nearest') !== 'nearest' || !repeats(n)) return undefined;
  const [batch, channels, ...spatial] = resizeScales(n.forward) ?? scalesFromSizes(n);
  const whole = spatial.every((factor) => Number.isInteger(factor) && factor >= 1);
  if (batch !== 1 || channels !== 1 || !whole || spatial.length > 3) return undefined;
  const copies = spatial.reduce((product, factor) => product * factor, 1);
  const mean = n.g.op('AveragePool', [n.dy], { kernel_shape: spatial, strides: spatial });
  return n.mul(mean, copies);
}

/** Along each axis a product with a constant matrix, transposed. */
function transposedInterpolation(n: GradientContext): Value {
  const [before, after] = [n.x().shape, n.y().shape];
  // Also by scales such as 1.2, which leave 3 pixels 3: onnxruntime copies where no size changes.
  if (sameShape(before, after)) return n.dy;
  const scales = resizeScales(n.forward);
  return before.reduceRight<Value>((dy, size, axis) => {
    const target = after[axis]!;
    if (size === target && (scales === undefined || scales[axis] === 1)) return dy;
    if (typeof size !== 'number' || typeof target !== 'number') {
      return n.fail(`the size of axis ${axis} must be known before the graph runs`);
    }
    return mapAxis(n, dy, axis, interpolationWeights(n.forward, axis, [size, target]));
  }, n.dy);
}

/** The product of each line along `axis` with the matrix: `[..., rows, ...]` to `[..., columns, ...]`. */
function mapAxis(n: GradientContext, x: Value, axis: number, weights: Weights): Value {
  const rank = x.shape.length;
  const dims = [weights.length, weights[0]!.length];
  if (axis === rank - 2) {
    const transposed = weights[0]!.flatMap((_, column) => weights.map((row) => row[column]!));
    return n.op('MatMul', n.g.constantTensor(tensorFrom(x.dtype, dims.toReversed(), transposed)), x);
  }
  const matrix = n.g.constantTensor(tensorFrom(x.dtype, dims, weights.flat()));
  if (axis === rank - 1) return n.op('MatMul', x, matrix);
  const swap = x.shape.map((_, at) => (at === axis ? rank - 1 : at === rank - 1 ? axis : at));
  return n.transpose(n.op('MatMul', n.transpose(x, swap), matrix), swap);
}

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
