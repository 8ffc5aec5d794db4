/** What moves elements and leaves them as they are. */
import {
  type Array64,
  broadcastDims,
  broadcastTo,
  countFromFront,
  generate,
  offsetOf,
  sizeOf,
  stridesOf,
} from './array64.ts';
import type { Node64, Operator64 } from './node64.ts';

function reshape(node: Node64): Array64 {
  const { dims, data } = node.x();
  const wanted = node.list(1) ?? [];
  const copied = wanted.map((size, axis) =>
    size === 0 && node.number('allowzero', 0) === 0 ? dims[axis]! : size,
  );
  const known = sizeOf(copied.filter((size) => size !== -1));
  return { dims: copied.map((size) => (size === -1 ? data.length / known : size)), data };
}

function transpose(node: Node64): Array64 {
  const { dims, data } = node.x();
  const perm = node.ints('perm') ?? dims.map((_, axis) => axis).toReversed();
  const own = stridesOf(dims);
  const strides = perm.map((axis) => own[axis]!);
  return generate(
    perm.map((axis) => dims[axis]!),
    (index) => data[offsetOf(strides, index)]!,
  );
}

function squeeze(node: Node64): Array64 {
  const { dims, data } = node.x();
  const axes = node.list(1)?.map((axis) => countFromFront(axis, dims.length));
  return { dims: dims.filter((size, axis) => (axes ? !axes.includes(axis) : size !== 1)), data };
}

function unsqueeze(node: Node64): Array64 {
  const { dims, data } = node.x();
  const given = node.list(1) ?? [];
  const axes = given.map((axis) => countFromFront(axis, dims.length + given.length));
  const rest = [...dims];
  const all = Array.from({ length: dims.length + given.length }, (_, axis) =>
    axes.includes(axis) ? 1 : rest.shift()!,
  );
  return { dims: all, data };
}

function slice(node: Node64): Array64 {
  const { dims, data } = node.x();
  const [starts, ends] = [node.list(1) ?? [], node.list(2) ?? []];
  const axes = node.list(3) ?? starts.map((_, axis) => axis);
  const steps = node.list(4) ?? starts.map(() => 1);
  const cuts = dims.map((size) => ({ start: 0, step: 1, count: size }));
  axes.forEach((given, at) => {
    const axis = countFromFront(given, dims.length);
    const [size, step] = [dims[axis]!, steps[at]!];
    const clamp = (bound: number, low: number, high: number) =>
      Math.min(Math.max(bound < 0 ? bound + size : bound, low), high);
    const start = step > 0 ? clamp(starts[at]!, 0, size) : clamp(starts[at]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[at]!, 0, size) : clamp(ends[at]!, -1, size - 1);
    cuts[axis] = { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
  const strides = stridesOf(dims);
  return generate(
    cuts.map(({ count }) => count),
    (index) =>
      data[
        offsetOf(
          strides,
          index.map((i, axis) => cuts[axis]!.start + i * cuts[axis]!.step),
        )
      ]!,
  );
}

/** Negative pads cut off. */
function pad(node: Node64): Array64 {
  const { dims, data } = node.x();
  const pads = node.list(1) ?? [];
  const [fill = 0] = node.list(2) ?? [];
  const axes = node.list(3)?.map((axis) => countFromFront(axis, dims.length)) ?? dims.map((_, axis) => axis);
  const [before, after] = [dims.map(() => 0), dims.map(() => 0)];
  axes.forEach((axis, at) => {
    before[axis] = pads[at]!;
    after[axis] = pads[axes.length + at]!;
  });
  const strides = stridesOf(dims);
  const source = SOURCES[node.text('mode', 'constant')]!;
  return generate(
    dims.map((size, axis) => size + before[axis]! + after[axis]!),
    (index) => {
      const from = index.map((i, axis) => source(i - before[axis]!, dims[axis]!));
      return from.every((i, axis) => i >= 0 && i < dims[axis]!) ? data[offsetOf(strides, from)]! : fill;
    },
  );
}

/** Which element of an axis lies at a place that may be outside it. */
const SOURCES: Readonly<Record<string, (place: number, size: number) => number>> = {
  constant: (place) => place,
  edge: (place, size) => Math.min(Math.max(place, 0), size - 1),
  reflect: (place, size) => size - 1 - Math.abs(size - 1 - Math.abs(place)),
  wrap: (place, size) => ((place % size) + size) % size,
};

function concat(node: Node64): Array64 {
  const parts = node.inputs.map((_, index) => node.x(index));
  const axis = node.axis('axis', 0);
  const sizes = parts.map(({ dims }) => dims[axis]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return generate(parts[0]!.dims.with(axis, total), (index) => {
    let [part, at] = [0, index[axis]!];
    while (at >= sizes[part]!) at -= sizes[part++]!;
    const { dims, data } = parts[part]!;
    return data[offsetOf(stridesOf(dims), index.with(axis, at))]!;
  });
}

export const layout: Readonly<Record<string, Operator64>> = {
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: (node) => broadcastTo(node.x(), broadcastDims([node.x().dims, node.list(1) ?? []])),
  Slice: slice,
  Pad: pad,
  Concat: concat,
  Shape: (node) => ({ dims: [node.x().dims.length], data: Float64Array.from(node.x().dims) }),
};
