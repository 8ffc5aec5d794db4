/** What moves, picks, repeats and interpolates elements. */
import fc from 'fast-check';
import type { GraphBuilder, Value } from '../../../../src/onnx/graph/index.ts';
import { type Cases, image, int, pads, shapes, weights, withAxis } from './generators.ts';

const transpose: Cases = shapes(1, 4).chain((shape) =>
  fc
    .shuffledSubarray(
      shape.map((_, axis) => axis),
      { minLength: shape.length },
    )
    .map((perm) => ({
      shape,
      build: (g, x) => g.op('Exp', [g.op('Transpose', [x], { perm })]),
    })),
);

const concat: Cases = withAxis((g, x, axis) => {
  const other = x.shape.map((size, at) =>
    at === (axis + x.shape.length) % x.shape.length ? 2 : Number(size),
  );
  return g.op('Concat', [g.op('Exp', [x]), weights(g, x, other), x], { axis });
});

/** Parts as an input, as equal parts, and as a number of parts (since operator set 18). */
const split: Cases = fc
  .record({ shape: shapes(1, 3), form: int(0, 2), axis: int(0, 2), first: int(1, 2), second: int(1, 2) })
  .map(({ shape, form, axis: wanted, first, second }) => {
    const axis = wanted % shape.length;
    const size = form === 0 ? first + second : form === 1 ? 2 * first : 2 * first + 1;
    return {
      shape: shape.with(axis, size),
      opset: form === 2 ? 18 : 17,
      build: (g: GraphBuilder, x: Value) => {
        const parts =
          form === 0
            ? g.ops('Split', [x, g.ints([first, second])], { axis }, 2)
            : g.ops('Split', [x], { axis, ...(form === 2 && { num_outputs: 2 }) }, 2);
        return g.op('Exp', [parts[second - 1]!]);
      },
    };
  });

const slice: Cases = shapes(1, 3, 5).chain((shape) =>
  int(0, shape.length - 1).chain((axis) =>
    fc
      .record({ start: int(-6, 6), end: int(-7, 7), step: fc.constantFrom(1, 2, 3, -1, -2) })
      .map(({ start, end, step }) => ({
        shape,
        build: (g: GraphBuilder, x: Value) =>
          g.op('Slice', [x, g.ints([start]), g.ints([end]), g.ints([axis - shape.length]), g.ints([step])]),
      })),
  ),
);

const gather: Cases = fc
  .record({
    shape: shapes(1, 3),
    axis: int(0, 2),
    indices: fc.array(int(-1, 0), { minLength: 1, maxLength: 4 }),
    rank: int(0, 2),
  })
  .map(({ shape, axis, indices, rank }) => ({
    shape,
    build: (g, x) => {
      const picked = [indices[0]!, ...indices.slice(1)];
      const table =
        rank === 0
          ? g.constant(picked[0]!, 'int64')
          : rank === 1
            ? g.ints(picked)
            : g.op('Reshape', [g.ints(picked), g.ints([-1, 1])]);
      return g.op('Exp', [g.op('Gather', [x, table], { axis: axis % shape.length })]);
    },
  }));

const gatherND: Cases = fc
  .record({
    shape: shapes(2, 3),
    depth: int(1, 2),
    rows: fc.array(fc.tuple(int(0, 2), int(0, 2)), { minLength: 1, maxLength: 5 }),
    column: fc.boolean(),
  })
  .map(({ shape, depth, rows, column }) => ({
    shape,
    build: (g, x) => {
      const places = rows.flatMap((row) => row.slice(0, depth).map((at, axis) => at % shape[axis]!));
      const indices = g.op('Reshape', [g.ints(places), g.ints(column ? [-1, 1, depth] : [-1, depth])]);
      return g.op('Exp', [g.op('GatherND', [x, indices])]);
    },
  }));

/** Rows of a tensor get other values: those of x, or x is what they are put into; at once, or added. */
const scatterND: Cases = fc
  .record({
    shape: shapes(2, 3),
    depth: int(1, 2),
    first: int(0, 2),
    add: fc.boolean(),
    role: fc.constantFrom('data', 'updates', 'both'),
  })
  .map(({ shape, depth, first, add, role }) => ({
    shape,
    opset: 16,
    build: (g, x) => {
      // Two places that differ, or one: what becomes of equal ones is not defined unless they are added.
      const rows = [first % shape[0]!, (first + 1) % shape[0]!].slice(0, add || shape[0]! > 1 ? 2 : 1);
      const places = rows.flatMap((row) => [row, shape[1]! - 1].slice(0, depth));
      const indices = g.op('Reshape', [g.ints(places), g.ints([-1, depth])]);
      const part = [rows.length, ...shape.slice(depth)];
      const picked = g.op('Sin', [g.op('GatherND', [x, indices])]);
      const data = role === 'updates' ? weights(g, x, shape) : g.op('Exp', [x]);
      const updates = role === 'data' ? weights(g, x, part) : picked;
      return g.op('ScatterND', [data, indices, updates], { reduction: add ? 'add' : 'none' });
    },
  }));

const pad: Cases = fc
  .record({
    shape: shapes(1, 3, 4).map((dims) => dims.map((size) => size + 1)),
    amounts: pads(6, 2),
    mode: fc.constantFrom('constant', 'reflect', 'edge', 'wrap'),
    crop: fc.boolean(),
    axes: fc.boolean(),
  })
  .map(({ shape, amounts, mode, crop, axes }) => {
    const limit = (amount: number, axis: number) =>
      Math.min(amount, mode === 'constant' ? 2 : shape[axis]! - 1);
    const last = shape.length - 1;
    const all = [
      ...amounts.slice(0, shape.length).map(limit),
      ...amounts.slice(3, 3 + shape.length).map(limit),
    ];
    const cropped = crop && mode === 'constant' ? all.with(0, -1) : all;
    const opset = axes || mode === 'wrap' ? 19 : 13;
    return {
      shape,
      opset,
      build: (g: GraphBuilder, x: Value) => {
        const inputs = axes ? [x, g.ints([all[0]!, 1]), undefined, g.ints([last])] : [x, g.ints(cropped)];
        if (axes) inputs[1] = g.ints([limit(amounts[0]!, last), limit(amounts[3]!, last)]);
        return g.op('Exp', [g.op('Pad', inputs, { mode })]);
      },
    };
  });

const resize: Cases = fc
  .record({
    size: fc.tuple(int(2, 4), int(2, 4)),
    target: fc.tuple(int(1, 7), int(1, 7)),
    mode: fc.constantFrom('nearest', 'linear', 'cubic'),
    coordinates: fc.constantFrom('half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'),
    nearest: fc.constantFrom('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
    byScale: fc.boolean(),
    opset: fc.constantFrom(13, 18, 19),
  })
  .map(({ size, target, mode, coordinates, nearest, byScale, opset }) => ({
    shape: [1, 2, ...size],
    opset,
    build: (g, x) => {
      const scales = g.constant([1, 1, ...target.map((length, axis) => length / size[axis]! + 0.01)]);
      const inputs = byScale ? [x, undefined, scales] : [x, undefined, undefined, g.ints([1, 2, ...target])];
      return g.op('Resize', inputs, {
        mode,
        coordinate_transformation_mode: coordinates,
        nearest_mode: nearest,
      });
    },
  }));

const reshapes = (build: (g: GraphBuilder, x: Value) => Value): Cases =>
  image(3).map((shape) => ({ shape, build: (g, x) => g.op('Exp', [build(g, x)]) }));

const block = (opType: string): Cases =>
  fc
    .record({
      size: fc.tuple(int(1, 2), int(1, 2)),
      blocksize: int(1, 3),
      mode: fc.constantFrom('DCR', 'CRD'),
      channels: int(1, 2),
    })
    .map(({ size, blocksize, mode, channels }) => ({
      shape:
        opType === 'DepthToSpace'
          ? [1, channels * blocksize ** 2, ...size]
          : [1, channels, ...size.map((s) => s * blocksize)],
      build: (g, x) =>
        g.op('Exp', [g.op(opType, [x], { blocksize, ...(opType === 'DepthToSpace' && { mode }) })]),
    }));

export const layoutCases: Readonly<Record<string, Cases>> = {
  Reshape: reshapes((g, x) => g.op('Reshape', [x, g.ints([0, -1])])),
  Flatten: reshapes((g, x) => g.op('Flatten', [x], { axis: 2 })),
  Squeeze: shapes(1, 3).map((shape) => ({
    shape: [1, ...shape, 1],
    build: (g, x) => g.op('Exp', [g.op('Squeeze', [x, g.ints([0, -1])])]),
  })),
  Unsqueeze: reshapes((g, x) => g.op('Unsqueeze', [x, g.ints([0, -1])])),
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Expand: shapes(1, 3).map((shape) => ({
    shape: shape.with(0, 1),
    build: (g, x) => g.op('Exp', [g.op('Expand', [x, g.ints([2, ...shape])])]),
  })),
  Tile: fc
    .record({ shape: shapes(1, 3), repeats: fc.tuple(int(1, 3), int(1, 2), int(1, 2)) })
    .map(({ shape, repeats }) => ({
      shape,
      build: (g, x) => g.op('Exp', [g.op('Tile', [x, g.ints(repeats.slice(0, shape.length))])]),
    })),
  DepthToSpace: block('DepthToSpace'),
  SpaceToDepth: block('SpaceToDepth'),
  Slice: slice,
  Gather: gather,
  GatherND: gatherND,
  ScatterND: scatterND,
  GatherElements: shapes(2, 2).map((shape) => ({
    shape,
    build: (g, x) =>
      g.op('Exp', [
        g.op('GatherElements', [x, g.op('Expand', [g.constant(0, 'int64'), g.ints(shape)])], { axis: 1 }),
      ]),
  })),
  Pad: pad,
  Resize: resize,
};
