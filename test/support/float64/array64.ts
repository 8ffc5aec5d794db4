/** Tensors of doubles, whatever type the graph gives them: integers, and truth as 1 and 0, are among them. */

export interface Array64 {
  readonly dims: readonly number[];
  /** Row-major. */
  readonly data: Float64Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

export const zeros = (dims: readonly number[]): Array64 => ({ dims, data: new Float64Array(sizeOf(dims)) });

/** How far apart neighbours along each axis lie in the data. */
export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((_, axis) => sizeOf(dims.slice(axis + 1)));
}

/** Every index of a tensor, in the order of its elements. */
export function* indicesOf(dims: readonly number[]): Generator<readonly number[]> {
  const index = dims.map(() => 0);
  for (let left = sizeOf(dims); left > 0; left--) {
    yield index;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      if (index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** A tensor whose element at each index is what `from` gives for that index. */
export function generate(dims: readonly number[], from: (index: readonly number[]) => number): Array64 {
  const result = zeros(dims);
  let at = 0;
  for (const index of indicesOf(dims)) result.data[at++] = from(index);
  return result;
}

export function offsetOf(strides: readonly number[], index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < index.length; axis++) offset += strides[axis]! * index[axis]!;
  return offset;
}

/** The shape that all of them broadcast to. */
export function broadcastDims(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((dims) => dims[axis - rank + dims.length] ?? 1);
    const size = sizes.find((each) => each !== 1) ?? 1;
    if (sizes.some((each) => each !== 1 && each !== size)) {
      throw new Error(`shapes ${JSON.stringify(shapes)} do not broadcast`);
    }
    return size;
  });
}

/** The tensor repeated until it has these dimensions. */
export function broadcastTo({ dims, data }: Array64, target: readonly number[]): Array64 {
  if (dims.length === target.length && dims.every((size, axis) => size === target[axis]))
    return { dims, data };
  const own = stridesOf(dims);
  const strides = target.map((_, axis) => {
    const at = axis - target.length + dims.length;
    return at < 0 || dims[at] === 1 ? 0 : own[at]!;
  });
  return generate(target, (index) => data[offsetOf(strides, index)]!);
}

export const countFromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
