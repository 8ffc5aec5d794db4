/** Gradients of pooling. */
import { isStatic } from '../../graph/dim.ts';
import { type Shape, tensorFrom, type Value } from '../../graph/index.ts';
import { type Window, windowOf } from '../../shapes/convolution.ts';
import type { GradientContext, GradientRule } from '../context.ts';
import { repeatPixels } from './resizing.ts';

/** Pooled tensors as one image per channel, so that one kernel serves all: `[N, C, ...]` to `[N * C, 1, ...]`. */
function eachChannelAlone(n: GradientContext, x: Value): Value {
  const spatial = n.staticSizes(x.shape.slice(2), 'the image size of a pool');
  return n.op('Reshape', x, n.g.ints([-1, 1, ...spatial]));
}

const averagePool: GradientRule = (n) => [
  () => {
    const kernel = n.forward.ints('kernel_shape')!;
    const spatial = n.staticSizes(n.x().shape.slice(2), 'the image size of a pool');
    const window = windowOf(n.forward, kernel, spatial);
    const count = kernel.reduce((product, size) => product * size, 1);
    return tiles(window, spatial)
      ? repeatPixels(n, n.mul(n.dy, 1 / count), kernel)
      : spreadWindows(n, window, spatial);
  },
];

/** Whether the windows lie side by side and cover everything: then each pixel has exactly one. */
function tiles(
  { kernel, strides, dilations, padsBegin, padsEnd }: Window,
  spatial: readonly number[],
): boolean {
  return kernel.every(
    (size, axis) =>
      strides[axis] === size &&
      dilations[axis] === 1 &&
      padsBegin[axis] === 0 &&
      padsEnd[axis] === 0 &&
      spatial[axis]! % size === 0,
  );
}

/** Each output gives its gradient in equal parts to the pixels of its window. */
function spreadWindows(n: GradientContext, window: Window, spatial: readonly number[]): Value {
  const { kernel, strides, dilations, padsBegin, padsEnd } = window;
  const after = n.staticSizes(n.y().shape.slice(2), 'the image size of a pool');
  const counts = windowCounts(n, window, spatial, after);
  const { dtype } = n.dy;
  const share = n.div(n.dy, n.g.constantTensor(tensorFrom(dtype, after, counts)));
  const size = kernel.reduce((product, length) => product * length, 1);
  const ones = n.g.constantTensor(
    tensorFrom(
      dtype,
      [1, 1, ...kernel],
      Array.from({ length: size }, () => 1),
    ),
  );
  // With ceil_mode the last window may reach past the padding: cover that too, then cut it off.
  const covered = after.map((length, axis) => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    return Math.max(spatial[axis]! + padsBegin[axis]!, (length - 1) * strides[axis]! + reach);
  });
  const outputPadding = covered.map((length, axis) => {
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    return length - (after[axis]! - 1) * strides[axis]! - reach;
  });
  const spread = n.g.op('ConvTranspose', [eachChannelAlone(n, share), ones], {
    kernel_shape: kernel,
    strides,
    dilations,
    output_padding: outputPadding.map((extra, axis) => Math.min(extra, strides[axis]! - 1)),
  });
  const axes = n.g.ints(kernel.map((_, axis) => axis + 2));
  const ends = n.g.ints(spatial.map((length, axis) => length + padsBegin[axis]!));
  const needsCut =
    padsBegin.some((pad) => pad > 0) || padsEnd.some((pad) => pad > 0) || n.forward.int('ceil_mode', 0);
  const cut = needsCut ? n.op('Slice', spread, n.g.ints(padsBegin), ends, axes) : spread;
  return n.reshapeLike(padToSize(n, cut, spatial), n.x());
}

/** Pixels after the last window had no part in the output. */
function padToSize(n: GradientContext, x: Value, spatial: readonly number[]): Value {
  const missing = spatial.map((size, axis) => size - (x.shape[axis + 2] as number));
  if (missing.every((count) => count === 0)) return x;
  const zeros = spatial.map(() => 0);
  return n.op('Pad', x, n.g.ints([0, 0, ...zeros, 0, 0, ...missing]), n.constant(0, x.dtype));
}

/** How many elements each window averages over, `[...after]` flattened. */
function windowCounts(
  n: GradientContext,
  { kernel, strides, dilations, padsBegin, padsEnd }: Window,
  spatial: readonly number[],
  after: readonly number[],
): number[] {
  const includePad = n.forward.int('count_include_pad', 0) === 1;
  const perAxis = after.map((length, axis) => {
    const low = includePad ? -padsBegin[axis]! : 0;
    const high = spatial[axis]! + (includePad ? padsEnd[axis]! : 0);
    return Array.from({ length }, (_, output) => {
      const start = output * strides[axis]! - padsBegin[axis]!;
      const positions = Array.from({ length: kernel[axis]! }, (_, k) => start + k * dilations[axis]!);
      return positions.filter((at) => at >= low && at < high).length;
    });
  });
  return perAxis.reduce<number[]>((all, axis) => all.flatMap((a) => axis.map((b) => a * b)), [1]);
}

/** The pool's own indices of the largest elements say where each gradient belongs. */
const maxPool: GradientRule = (n) => [
  () => {
    if (n.forward.int('storage_order', 0) !== 0) return n.fail('column-major indices are not supported');
    const { g } = n;
    const flat = (value: Value) => n.op('Reshape', value, g.ints([-1]));
    const indices = g.optionalOutput(n.y(), 1);
    const zeros = n.op(
      'Expand',
      n.constant(0, n.dy.dtype),
      n.op('Reshape', n.op('Size', n.x()), g.ints([1])),
    );
    const scattered = g.op('ScatterElements', [zeros, flat(indices), flat(n.dy)], {
      axis: 0,
      reduction: 'add',
    });
    return n.reshapeLike(scattered, n.x());
  },
];

const globalAveragePool: GradientRule = (n) => [
  () => {
    const sizes: Shape = n.x().shape.slice(2);
    if (isStatic(sizes)) return n.mul(n.dy, 1 / sizes.reduce((product, size) => product * size, 1));
    const count = (value: Value) => n.g.cast(n.op('Size', value), n.dy.dtype);
    return n.mul(n.dy, n.div(count(n.y()), count(n.x())));
  },
];

const globalMaxPool: GradientRule = (n) => [
  () => {
    const axes = n
      .x()
      .shape.map((_, axis) => axis)
      .slice(2);
    const mask = n.g.cast(n.op('Equal', n.x(), n.y()), n.dy.dtype);
    return n.mul(mask, n.div(n.dy, n.sum(mask, axes)));
  },
];

export const pooling: Readonly<Record<string, GradientRule>> = {
  AveragePool: averagePool,
  MaxPool: maxPool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
};
