/** Resize, an output pixel at a time. */
import { type Array64, countFromFront, generate, offsetOf, stridesOf } from './array64.ts';
import type { Node64, Operator64 } from './node64.ts';

/** An input pixel along an axis, and its share. */
type Share = readonly [pixel: number, weight: number];

const f32 = Math.fround;

function resize(node: Node64): Array64 {
  const { dims, data } = node.x();
  const axes =
    node.ints('axes')?.map((axis) => countFromFront(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const spread = (given: readonly number[] | undefined, others: readonly number[]) =>
    given && others.map((value, axis) => (axes.includes(axis) ? given[axes.indexOf(axis)]! : value));
  const scales = spread(
    node.list(2),
    dims.map(() => 1),
  );
  const sizes = scales
    ? dims.map((size, axis) => Math.floor(f32(size * f32(scales[axis]!))))
    : spread(node.list(3), dims)!;
  // Whatever the scales: onnxruntime copies then.
  if (sizes.every((size, axis) => size === dims[axis])) return node.x();
  const shares = dims.map((size, axis) =>
    Array.from({ length: sizes[axis]! }, (_, at) =>
      sharesOf(node, { at, size, target: sizes[axis]!, scale: f32(scales?.[axis] ?? sizes[axis]! / size) }),
    ),
  );
  const strides = stridesOf(dims);
  const sum = (index: readonly number[], from: readonly number[]): number => {
    const axis = from.length;
    if (axis === dims.length) return data[offsetOf(strides, from)]!;
    return shares[axis]![index[axis]!]!.reduce(
      (total, [pixel, weight]) => total + weight * sum(index, [...from, pixel]),
      0,
    );
  };
  return generate(sizes, (index) => sum(index, []));
}

interface Place {
  readonly at: number;
  readonly size: number;
  readonly target: number;
  readonly scale: number;
}

function sharesOf(node: Node64, place: Place): readonly Share[] {
  const { size, target, scale } = place;
  if (size === target && scale === 1) return [[place.at, 1]];
  const mode = node.text('mode', 'nearest');
  const x = coordinate(node.text('coordinate_transformation_mode', 'half_pixel'), place);
  const inside = (pixel: number) => Math.min(Math.max(pixel, 0), size - 1);
  if (mode === 'nearest') return [[inside(nearest(node.text('nearest_mode', 'round_prefer_floor'), x)), 1]];
  const left = Math.floor(x);
  if (mode === 'linear') {
    return [
      [inside(left), 1 - (x - left)],
      [inside(left + 1), x - left],
    ];
  }
  const a = node.number('cubic_coeff_a', -0.75);
  const taps = [-1, 0, 1, 2].map((step) => [left + step, cubic(Math.abs(x - left - step), a)] as const);
  if (node.number('exclude_outside', 0) === 0) return taps.map(([pixel, weight]) => [inside(pixel), weight]);
  const within = taps.filter(([pixel]) => pixel >= 0 && pixel < size);
  const total = within.reduce((sum, [, weight]) => sum + weight, 0);
  return within.map(([pixel, weight]) => [pixel, weight / total]);
}

/** Where an output pixel lies in the input. Engines compute this in float32, which decides where two are as near. */
function coordinate(mode: string, { at, size, target, scale }: Place): number {
  if (mode === 'asymmetric') return f32(at / scale);
  if (mode === 'align_corners') return target === 1 ? 0 : f32((at * (size - 1)) / (target - 1));
  if (mode === 'pytorch_half_pixel' && target === 1) return 0;
  if (mode.endsWith('half_pixel')) return f32(f32((at + 0.5) / scale) - 0.5);
  throw new Error(`Resize with coordinates "${mode}" has no row here`);
}

function nearest(mode: string, x: number): number {
  const half = x - Math.floor(x) === 0.5;
  if (mode === 'floor') return Math.floor(x);
  if (mode === 'ceil') return Math.ceil(x);
  if (half) return mode === 'round_prefer_floor' ? Math.floor(x) : Math.ceil(x);
  return Math.round(x);
}

/** Keys (1981): cubic convolution. */
function cubic(distance: number, a: number): number {
  const d = distance;
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

export const resizing: Readonly<Record<string, Operator64>> = { Resize: resize };
