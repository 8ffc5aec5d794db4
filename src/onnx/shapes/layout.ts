/** Shapes of the operators that move elements around without computing. */
import { type Dim, divideDims, isStatic, multiplyDims, type Shape } from '../graph/dim.ts';
import type { Value } from '../graph/graph.ts';
import { elementCount, MOST_ELEMENTS, toNumbers } from '../graph/tensor.ts';
import { broadcastShapes } from './broadcast.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';
import { broadcastElements, rearrange, withElements } from './elements.ts';

const reshape: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  const target = node.dims(1);
  if (target === undefined) {
    const rank = node.input(1).shape[0];
    if (typeof rank !== 'number') return node.fail('the rank of its result is not known');
    return [{ dtype, shape: node.unknownShape(rank) }];
  }
  const copyZero = node.int('allowzero', 0) === 0;
  const dims = target.map((dim, axis) => (dim === 0 && copyZero ? (shape[axis] ?? 0) : dim));
  const inferred = dims.indexOf(-1);
  if (inferred >= 0) {
    const rest = multiplyDims(dims.filter((_, axis) => axis !== inferred));
    dims[inferred] = divideDims(multiplyDims(shape), rest) ?? node.freshDim();
  } else if (dims.every((dim) => typeof dim === 'number') && shape.every((dim) => typeof dim === 'number')) {
    if (multiplyDims(dims) !== multiplyDims(shape)) node.fail(`it can't become [${dims.join(', ')}]`);
  }
  return [withElements({ dtype, shape: dims }, elements)];
};

const flatten: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  const raw = node.int('axis', 1);
  const axis = raw < 0 ? raw + shape.length : raw;
  const flat = [multiplyDims(shape.slice(0, axis)), multiplyDims(shape.slice(axis))];
  return [withElements({ dtype, shape: flat }, elements)];
};

/** The permutation of a Transpose: by default all axes reversed. */
export function permutationOf(node: NodeContext): readonly number[] {
  return node.ints('perm') ?? node.input(0).shape.map((_, axis, all) => all.length - 1 - axis);
}

const transpose: ShapeRule = (node) => {
  const input = node.input(0);
  const perm = permutationOf(node);
  const shape = perm.map((axis) => input.shape[axis] ?? node.fail(`perm does not fit the rank`));
  const elements = rearrange(input, shape, (at) => input.shape.map((_, axis) => at[perm.indexOf(axis)]!));
  return [withElements({ dtype: input.dtype, shape }, elements)];
};

const concat: ShapeRule = (node) => {
  const inputs = node.inputs();
  const first = node.input(0);
  const axis = node.axis('axis', 0, first.shape.length);
  const along = inputs.map(({ shape }) => shape[axis]!);
  const total = along.every((dim) => typeof dim === 'number')
    ? along.reduce((sum, dim) => sum + dim, 0)
    : along.length === 1
      ? along[0]!
      : node.freshDim();
  const shape = first.shape.map((dim, index) => {
    if (index === axis) return total;
    const sizes = inputs.map((input) => input.shape[index]);
    const numbers = sizes.filter((size) => typeof size === 'number');
    if (new Set(numbers).size > 1) node.fail(`its inputs differ in size on axis ${index}`);
    return numbers[0] ?? dim;
  });
  // Row-major order puts one after the other along the first axis only.
  const small = axis === 0 && isStatic(shape) && elementCount(shape) <= MOST_ELEMENTS;
  const known = small ? inputs.map((_, index) => node.known(index)) : [undefined];
  const elements = known.every((list) => list !== undefined) ? known.flat() : undefined;
  return [withElements({ dtype: first.dtype, shape }, elements)];
};

/** The sizes of the parts of a Split, as an attribute, an input, or equal parts. */
export function splitSizes(node: NodeContext, size: Dim): readonly Dim[] {
  const given = node.intsFrom('split', 1);
  if (given !== undefined) return given;
  const parts = node.int('num_outputs', node.outputCount);
  if (typeof size !== 'number') {
    const part = divideDims(size, parts) ?? node.freshDim();
    return Array.from({ length: parts }, () => part);
  }
  const part = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, index) => Math.min(part, size - index * part));
}

const split: ShapeRule = (node) => {
  const { dtype, shape } = node.input(0);
  const axis = node.axis('axis', 0, shape.length);
  const sizes = splitSizes(node, shape[axis]!);
  if (sizes.length !== node.outputCount)
    node.fail(`it has ${node.outputCount} outputs for ${sizes.length} parts`);
  return sizes.map((size) => ({ dtype, shape: shape.with(axis, size) }));
};

/** One axis of a Slice, clamped as the specification says; `end` only where the size is known. */
export interface SliceAxis {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly size: Dim;
}

export function sliceAxes(node: NodeContext): readonly SliceAxis[] | undefined {
  const { shape } = node.input(0);
  const starts = node.dims(1);
  const ends = node.dims(2);
  if (!starts?.every((dim) => typeof dim === 'number') || ends === undefined) return undefined;
  const axes = node.optional(3) === undefined ? starts.map((_, index) => index) : node.dims(3);
  const steps = node.optional(4) === undefined ? starts.map(() => 1) : node.dims(4);
  if (!axes?.every((dim) => typeof dim === 'number')) return undefined;
  if (!steps?.every((dim) => typeof dim === 'number')) return undefined;
  return starts.map((start, index) => {
    const axis = node.normalize(axes[index]!, shape.length);
    return sliceAxis(node, axis, start, ends[index]!, steps[index]!, shape[axis]!);
  });
}

function sliceAxis(
  node: NodeContext,
  axis: number,
  start: number,
  end: Dim,
  step: number,
  dim: Dim,
): SliceAxis {
  if (typeof dim !== 'number' || typeof end !== 'number') {
    const whole =
      start === 0 && step === 1 && (end === dim || (typeof end === 'number' && end >= 2 ** 31 - 1));
    return {
      axis,
      start,
      end: typeof end === 'number' ? end : Number.NaN,
      step,
      size: whole ? dim : node.freshDim(),
    };
  }
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? dim : dim - 1;
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + dim : at, low), high);
  const from = Math.max(clamp(start), 0);
  // A huge negative end with a negative step means "past the first element".
  const to = clamp(end);
  return { axis, start: from, end: to, step, size: Math.max(0, Math.ceil((to - from) / step)) };
}

const slice: ShapeRule = (node) => {
  const input = node.input(0);
  const { dtype, shape } = input;
  const axes = sliceAxes(node);
  if (axes === undefined) return [{ dtype, shape: node.unknownShape(shape.length) }];
  const result = [...shape];
  for (const { axis, size } of axes) result[axis] = size;
  const elements = rearrange(input, result, (at) => {
    const source = [...at];
    for (const { axis, start, step } of axes) source[axis] = start + at[axis]! * step;
    return source;
  });
  return [withElements({ dtype, shape: result }, elements)];
};

const gather: ShapeRule = (node) => {
  const [data, indices] = [node.input(0), node.input(1)];
  const axis = node.axis('axis', 0, data.shape.length);
  const rank = indices.shape.length;
  const shape = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  const [length, at] = [data.shape[axis]!, indices.elements];
  if (at === undefined || typeof length !== 'number' || !isStatic(indices.shape)) {
    return [{ dtype: data.dtype, shape }];
  }
  const sizes = indices.shape;
  const elements = rearrange(data, shape, (place) => {
    const position = sizes.reduce((sum, size, k) => sum * size + place[axis + k]!, 0);
    const index = at[position];
    const picked = typeof index === 'number' ? (index < 0 ? index + length : index) : Number.NaN;
    return [...place.slice(0, axis), picked, ...place.slice(axis + rank)];
  });
  return [withElements({ dtype: data.dtype, shape }, elements)];
};

/** Each row of the indices, its last axis, picks what lies at one place of the first axes. */
const gatherND: ShapeRule = (node) => {
  const [data, indices] = [node.input(0).shape, node.input(1).shape];
  const depth = indices.at(-1);
  if (typeof depth !== 'number') return node.fail('the size of its last index axis is not known');
  return like(node, [...indices.slice(0, -1), ...data.slice(node.int('batch_dims', 0) + depth)]);
};

const squeeze: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  const given = node.intsFrom('axes', 1);
  const axes = given?.map((axis) => node.normalize(axis, shape.length));
  const kept = shape.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis)));
  return [withElements({ dtype, shape: kept }, elements)];
};

const unsqueeze: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  const given = node.intsFrom('axes', 1) ?? node.fail('its axes are missing');
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => node.normalize(axis, rank)));
  const rest = shape[Symbol.iterator]();
  const result = Array.from({ length: rank }, (_, axis): Dim => (axes.has(axis) ? 1 : rest.next().value!));
  return [withElements({ dtype, shape: result }, elements)];
};

const expand: ShapeRule = (node) => {
  const input = node.input(0);
  const { dtype, shape } = input;
  const target = node.dims(1);
  if (target !== undefined) {
    const expanded = broadcastShapes(shape, target);
    return [withElements({ dtype, shape: expanded }, broadcastElements(input, expanded))];
  }
  const rank = node.input(1).shape[0];
  if (typeof rank !== 'number') return node.fail('the rank of its result is not known');
  return like(node, node.unknownShape(Math.max(rank, shape.length)));
};

const tile: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const repeats = node.dims(1);
  return like(
    node,
    shape.map((dim, axis) => (repeats ? multiplyDims([dim, repeats[axis]!]) : node.freshDim())),
  );
};

const pad: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const pads = node.intsFrom('pads', 1) ?? node.fail('its pads are missing');
  const given = node.optional(3) === undefined ? shape.map((_, axis) => axis) : node.intsFrom('axes', 3)!;
  const result: Dim[] = [...shape];
  given.forEach((raw, index) => {
    const axis = node.normalize(raw, shape.length);
    const added = pads[index]! + pads[index + given.length]!;
    const dim = shape[axis]!;
    if (added !== 0) result[axis] = typeof dim === 'number' ? dim + added : node.freshDim();
  });
  return like(node, result);
};

const depthToSpace: ShapeRule = (node) => {
  const block = node.int('blocksize', 1);
  const [batch, channels, height, width] = node.input(0).shape;
  const grow = (dim: Dim) => multiplyDims([dim, block]);
  return like(node, [batch!, divideDims(channels!, block * block)!, grow(height!), grow(width!)]);
};

const spaceToDepth: ShapeRule = (node) => {
  const block = node.int('blocksize', 1);
  const [batch, channels, height, width] = node.input(0).shape;
  const shrink = (dim: Dim) => divideDims(dim, block) ?? node.freshDim();
  return like(node, [batch!, multiplyDims([channels!, block * block]), shrink(height!), shrink(width!)]);
};

const shapeOf: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const elements = shape.slice(node.int('start', 0), node.int('end', shape.length));
  return [{ dtype: 'int64', shape: [elements.length], elements }];
};

const constantOfShape: ShapeRule = (node) => {
  const value = node.node.attributes.value;
  const fill = value?.type === 'tensor' ? value.value : undefined;
  const target = node.dims(0);
  const rank = Number(node.input(0).shape[0]);
  const shape: Shape = target ?? node.unknownShape(rank);
  const dtype = fill?.dtype ?? 'float32';
  const element: Value = { name: '', dtype, shape: [], elements: [fill ? toNumbers(fill)[0]! : 0] };
  return [withElements({ dtype, shape }, broadcastElements(element, shape))];
};

const range: ShapeRule = (node) => {
  const [start, limit, delta] = [node.known(0)?.[0], node.known(1)?.[0], node.known(2)?.[0]];
  const dtype = node.input(0).dtype;
  if (start === 0 && delta === 1 && typeof limit === 'string') return [{ dtype, shape: [limit] }];
  if (typeof start !== 'number' || typeof limit !== 'number' || typeof delta !== 'number') {
    return [{ dtype, shape: [node.freshDim()] }];
  }
  const size = Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isSafeInteger(size)) return node.fail(`it goes from ${start} to ${limit} in steps of ${delta}`);
  const elements =
    size <= MOST_ELEMENTS ? Array.from({ length: size }, (_, i) => start + i * delta) : undefined;
  return [withElements({ dtype, shape: [size] }, elements)];
};

const oneHot: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const axis = node.axis('axis', -1, shape.length + 1);
  return like(node, shape.toSpliced(axis, 0, node.dims(1)?.[0] ?? node.freshDim()), node.input(2).dtype);
};

export const layout: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherND: gatherND,
  GatherElements: (node) => like(node, node.input(1).shape),
  ScatterElements: (node) => like(node, node.input(0).shape),
  ScatterND: (node) => like(node, node.input(0).shape),
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shapeOf,
  Size: (node) => [{ dtype: 'int64', shape: [], elements: [multiplyDims(node.input(0).shape)] }],
  ConstantOfShape: constantOfShape,
  Range: range,
  OneHot: oneHot,
};
