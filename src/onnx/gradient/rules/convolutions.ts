/** Gradients of convolutions with respect to their input; weights are constants of a classifier. */
import { isStatic } from '../../graph/dim.ts';
import type { Value } from '../../graph/index.ts';
import { transposedWindowOf, type Window, windowOf } from '../../shapes/convolution.ts';
import type { GradientContext, GradientRule } from '../context.ts';

function forwardWindow(n: GradientContext): Window {
  const kernel = n.forward.ints('kernel_shape') ?? n.x(1).shape.slice(2).map(Number);
  return windowOf(n.forward, kernel, n.x().shape.slice(2));
}

/**
 * Engines pad the channels of a Conv to blocks of 8 or 16: for those of an image, ConvTranspose, which is a product, is
 * four times as fast.
 */
const FEW_CHANNELS = 3;

/**
 * At stride 1, convolution with the weight transposed and flipped: engines have faster kernels for it than for
 * ConvTranspose. With a stride, or when the result has as few channels as an image, ConvTranspose.
 */
const conv: GradientRule = (n) => [
  () => {
    const window = forwardWindow(n);
    const reach = window.kernel.map((size, axis) => (size - 1) * window.dilations[axis]!);
    const unit = window.strides.every((stride) => stride === 1);
    const padded = [...window.padsBegin, ...window.padsEnd].every(
      (pad, i) => pad <= reach[i % reach.length]!,
    );
    const [, channels, ...spatial] = n.x().shape;
    const few = isStatic(spatial) && Number(channels) <= FEW_CHANNELS;
    return unit && padded && !few ? flippedConv(n, window, reach) : transposedConv(n, window, reach);
  },
];

function flippedConv(n: GradientContext, window: Window, reach: readonly number[]): Value {
  const group = n.forward.int('group', 1);
  return n.g.op('Conv', [n.dy, flipWeight(n, group)], {
    kernel_shape: window.kernel,
    dilations: window.dilations,
    group,
    pads: [
      ...window.padsBegin.map((pad, axis) => reach[axis]! - pad),
      ...window.padsEnd.map((pad, axis) => reach[axis]! - pad),
    ],
  });
}

/**
 * `[O, I / groups, ...kernel]` to `[I, O / groups, ...kernel]`, each kernel reversed. These nodes see constants only:
 * engines fold them when they load the model, so the file holds the weight once.
 */
function flipWeight(n: GradientContext, group: number): Value {
  const weight = n.x(1);
  const [outputs, inputs, ...kernel] = n.staticSizes(weight.shape, 'the shape of its weight') as [
    number,
    number,
    ...number[],
  ];
  const swapped =
    group === 1 ? swapChannels(n, weight) : swapGrouped(n, weight, group, outputs, inputs, kernel);
  const axes = kernel.map((_, axis) => axis + 2).filter((axis) => kernel[axis - 2]! > 1);
  if (axes.length === 0) return swapped;
  const { g } = n;
  const all = (value: number) => g.ints(axes.map(() => value));
  // From the last element down to past the first: the specification clamps the huge negative end.
  return n.op('Slice', swapped, all(-1), all(-(2 ** 31)), g.ints(axes), all(-1));
}

function swapChannels(n: GradientContext, weight: Value): Value {
  return n.transpose(
    weight,
    weight.shape.map((_, axis) => (axis < 2 ? 1 - axis : axis)),
  );
}

function swapGrouped(
  n: GradientContext,
  weight: Value,
  group: number,
  outputs: number,
  inputs: number,
  kernel: readonly number[],
): Value {
  const perGroup = outputs / group;
  const parted = n.op('Reshape', weight, n.g.ints([group, perGroup, inputs, ...kernel]));
  const swapped = n.transpose(parted, [0, 2, 1, ...kernel.map((_, axis) => axis + 3)]);
  return n.op('Reshape', swapped, n.g.ints([group * inputs, perGroup, ...kernel]));
}

/** The stride leaves up to stride - 1 rows at the end that no window reached: output_padding brings them back. */
function transposedConv(n: GradientContext, window: Window, reach: readonly number[]): Value {
  const { kernel, strides, dilations, padsBegin, padsEnd } = window;
  const before = n.staticSizes(n.x().shape.slice(2), 'the image size of a convolution with stride');
  const after = n.staticSizes(n.y().shape.slice(2), 'the image size of a convolution with stride');
  const outputPadding = before.map(
    (size, axis) =>
      size + padsBegin[axis]! + padsEnd[axis]! - (after[axis]! - 1) * strides[axis]! - reach[axis]! - 1,
  );
  return n.g.op('ConvTranspose', [n.dy, n.x(1)], {
    kernel_shape: kernel,
    strides,
    dilations,
    group: n.forward.int('group', 1),
    pads: [...padsBegin, ...padsEnd],
    output_padding: outputPadding,
  });
}

/** The gradient of a transposed convolution is the convolution that it transposes. */
const convTranspose: GradientRule = (n) => [
  () => {
    const size = n.forward.ints('kernel_shape') ?? n.x(1).shape.slice(2).map(Number);
    const window = transposedWindowOf(n.forward, size, n.x().shape.slice(2));
    const { kernel, strides, dilations, padsBegin, padsEnd } = window;
    if ([...padsBegin, ...padsEnd].some((pad) => pad < 0)) {
      return n.fail('its output reaches past its windows, which is not supported');
    }
    return n.g.op('Conv', [n.dy, n.x(1)], {
      kernel_shape: kernel,
      strides,
      dilations,
      group: n.forward.int('group', 1),
      pads: [...padsBegin, ...padsEnd],
    });
  },
];

export const convolutions: Readonly<Record<string, GradientRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
};
