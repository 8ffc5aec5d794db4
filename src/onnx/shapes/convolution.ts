/** Shapes of convolutions and pooling over the spatial axes of [N, C, D1, D2, ...]. */
import type { Dim, Shape } from '../graph/dim.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';

/** The attributes that convolutions and pools share, with their defaults filled in. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before the first element, per spatial axis. */
  readonly padsBegin: readonly number[];
  /** After the last element, per spatial axis. */
  readonly padsEnd: readonly number[];
}

/**
 * Resolves `auto_pad` too, for which the spatial sizes must be known.
 *
 * @param spatial sizes of the spatial axes of the input
 */
export function windowOf(node: NodeContext, kernel: readonly number[], spatial: Shape): Window {
  const ones = kernel.map(() => 1);
  const strides = node.ints('strides') ?? ones;
  const dilations = node.ints('dilations') ?? ones;
  const autoPad = node.string('auto_pad', 'NOTSET');
  const rank = kernel.length;
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    const totals = kernel.map((size, axis) => {
      const input = spatial[axis]!;
      const stride = strides[axis]!;
      if (typeof input !== 'number') {
        if (stride === 1) return (size - 1) * dilations[axis]!;
        return node.fail(`auto_pad ${autoPad} with a stride needs a known size on spatial axis ${axis}`);
      }
      const output = Math.ceil(input / stride);
      return Math.max(0, (output - 1) * stride + (size - 1) * dilations[axis]! + 1 - input);
    });
    const small = totals.map((total) => Math.floor(total / 2));
    const large = totals.map((total) => Math.ceil(total / 2));
    return autoPad === 'SAME_UPPER'
      ? { kernel, strides, dilations, padsBegin: small, padsEnd: large }
      : { kernel, strides, dilations, padsBegin: large, padsEnd: small };
  }
  const pads = (autoPad === 'VALID' ? undefined : node.ints('pads')) ?? [...ones, ...ones].map(() => 0);
  return { kernel, strides, dilations, padsBegin: pads.slice(0, rank), padsEnd: pads.slice(rank) };
}

function slide(node: NodeContext, window: Window, axis: number, input: Dim, ceil: boolean): Dim {
  const { kernel, strides, dilations, padsBegin, padsEnd } = window;
  const stride = strides[axis]!;
  const pads = padsBegin[axis]! + padsEnd[axis]!;
  const reach = (kernel[axis]! - 1) * dilations[axis]!;
  if (typeof input !== 'number') return stride === 1 && pads === reach ? input : node.freshDim();
  const steps = (input + pads - reach - 1) / stride;
  if (steps < 0) return node.fail(`its window is larger than the input on spatial axis ${axis}`);
  const output = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A last window that would begin in the padding after the input is left out.
  return ceil && (output - 1) * stride >= input + padsBegin[axis]! ? output - 1 : output;
}

const conv: ShapeRule = (node) => {
  const [x, w] = [node.input(0), node.input(1)];
  const kernel = node.ints('kernel_shape') ?? w.shape.slice(2).map(Number);
  const [batch, channels, ...spatial] = x.shape;
  if (x.shape.length !== w.shape.length || spatial.length !== kernel.length) {
    return node.fail('the ranks of input and weight do not fit');
  }
  const expected = w.shape[1];
  const groups = node.int('group', 1);
  if (typeof channels === 'number' && typeof expected === 'number' && channels !== expected * groups) {
    return node.fail(`its weight is for ${expected * groups} channels`);
  }
  const window = windowOf(node, kernel, spatial);
  const sizes = spatial.map((size, axis) => slide(node, window, axis, size, false));
  return like(node, [batch!, w.shape[0]!, ...sizes]);
};

/**
 * The window of a ConvTranspose with the pads that `output_shape` and `auto_pad` amount to. They may be negative: then
 * the output has zeros beyond what the windows reach.
 */
export function transposedWindowOf(node: NodeContext, kernel: readonly number[], spatial: Shape): Window {
  const explicit = node.ints('output_shape')?.slice(-kernel.length);
  const autoPad = node.string('auto_pad', 'NOTSET');
  const same = autoPad.startsWith('SAME');
  const ones = kernel.map(() => 1);
  const strides = node.ints('strides') ?? ones;
  const dilations = node.ints('dilations') ?? ones;
  if (explicit === undefined && !same) return windowOf(node, kernel, spatial);
  const outputPadding = node.ints('output_padding') ?? kernel.map(() => 0);
  const totals = kernel.map((size, axis) => {
    const input = spatial[axis]!;
    if (typeof input !== 'number') {
      return node.fail(`output_shape and auto_pad need a known size on spatial axis ${axis}`);
    }
    const stride = strides[axis]!;
    const output = explicit?.[axis] ?? input * stride;
    return stride * (input - 1) + outputPadding[axis]! + (size - 1) * dilations[axis]! + 1 - output;
  });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return autoPad === 'SAME_UPPER'
    ? { kernel, strides, dilations, padsBegin: small, padsEnd: large }
    : { kernel, strides, dilations, padsBegin: large, padsEnd: small };
}

const convTranspose: ShapeRule = (node) => {
  const [x, w] = [node.input(0), node.input(1)];
  const kernel = node.ints('kernel_shape') ?? w.shape.slice(2).map(Number);
  const [batch, , ...spatial] = x.shape;
  const groups = node.int('group', 1);
  const explicit = node.ints('output_shape')?.slice(-kernel.length);
  const same = node.string('auto_pad', 'NOTSET').startsWith('SAME');
  const outputPadding = node.ints('output_padding') ?? kernel.map(() => 0);
  const sizes = spatial.map((size, axis) => {
    if (explicit !== undefined) return explicit[axis]!;
    if (typeof size !== 'number') return node.freshDim();
    const { strides, dilations, padsBegin, padsEnd } = transposedWindowOf(node, kernel, spatial);
    if (same) return size * strides[axis]!;
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    return strides[axis]! * (size - 1) + outputPadding[axis]! + reach - padsBegin[axis]! - padsEnd[axis]!;
  });
  return like(node, [batch!, Number(w.shape[1]) * groups, ...sizes]);
};

const pool: ShapeRule = (node) => {
  const [batch, channels, ...spatial] = node.input(0).shape;
  const kernel = node.ints('kernel_shape');
  if (kernel === undefined) return node.fail('attribute "kernel_shape" is missing');
  const window = windowOf(node, kernel, spatial);
  const ceil = node.int('ceil_mode', 0) === 1;
  const sizes = spatial.map((size, axis) => slide(node, window, axis, size, ceil));
  const shape = [batch!, channels!, ...sizes];
  return [...like(node, shape), ...like(node, shape, 'int64')];
};

const globalPool: ShapeRule = (node) => {
  const [batch, channels, ...spatial] = node.input(0).shape;
  return like(node, [batch!, channels!, ...spatial.map(() => 1)]);
};

export const convolution: Readonly<Record<string, ShapeRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: (node) => pool(node).slice(0, 1),
  LpPool: (node) => pool(node).slice(0, 1),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
