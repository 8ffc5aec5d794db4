/** Gradients of operators that pick elements, or put them in place: back among zeros, or picked again. */
import type { Value } from '../../graph/index.ts';
import { type SliceAxis, sliceAxes } from '../../shapes/layout.ts';
import type { GradientContext, GradientRule } from '../context.ts';

/** Contiguous slices are padded with zeros again; the rest is scattered axis by axis. */
const slice: GradientRule = (n) => [
  () => {
    const axes = sliceAxes(n.forward) ?? n.fail('its bounds must be constant');
    return axes.reduceRight((dy, axis) => unslice(n, dy, axis), n.dy);
  },
];

function unslice(n: GradientContext, dy: Value, { axis, start, step, size }: SliceAxis): Value {
  const full = n.x().shape[axis]!;
  if (size === full && step === 1) return dy;
  if (typeof full !== 'number' || typeof size !== 'number') {
    return n.fail(`the size of axis ${axis} must be known before the graph runs`);
  }
  if (step === 1) return padAxis(n, dy, axis, start, full - start - size);
  const positions = Array.from({ length: size }, (_, index) => start + index * step);
  const zeros = padAxis(n, n.mul(dy, 0), axis, 0, full - size);
  return scatter(n, { zeros, axis, positions: n.g.ints(positions), dy });
}

function padAxis(n: GradientContext, x: Value, axis: number, before: number, after: number): Value {
  const begin = x.shape.map((_, index) => (index === axis ? before : 0));
  const end = x.shape.map((_, index) => (index === axis ? after : 0));
  return n.op('Pad', x, n.g.ints([...begin, ...end]), n.constant(0, x.dtype));
}

/** Adds the slices of `dy` along `axis` to `zeros` at `positions`, a 1-d tensor. */
function scatter(
  n: GradientContext,
  { zeros, axis, positions, dy }: { zeros: Value; axis: number; positions: Value; dy: Value },
): Value {
  const column = n.g.ints(dy.shape.map((_, index) => (index === axis ? -1 : 1)));
  const indices = n.op('Expand', n.op('Reshape', positions, column), n.sizesOf(dy));
  return n.g.op('ScatterElements', [zeros, indices, dy], { axis, reduction: 'add' });
}

const gather: GradientRule = (n) => [
  () => {
    const [data, indices] = [n.x(0), n.x(1)];
    const axis = n.forward.axis('axis', 0, data.shape.length);
    const { g } = n;
    const positions = n.op('Reshape', indices, g.ints([-1]));
    const before = n.dy.shape.slice(0, axis).map(() => 0);
    const rank = indices.shape.length;
    if (rank === 0) {
      const row = n.op('Unsqueeze', n.dy, g.ints([axis]));
      return scatter(n, { zeros: n.zerosLike(data), axis, positions, dy: row });
    }
    const rest = n.staticSizes(n.dy.shape.slice(axis + rank), 'the sizes after the gathered axis');
    const rows = rank === 1 ? n.dy : n.op('Reshape', n.dy, g.ints([...before, -1, ...rest]));
    return scatter(n, { zeros: n.zerosLike(data), axis, positions, dy: rows });
  },
];

const gatherElements: GradientRule = (n) => [
  () => {
    const axis = n.forward.axis('axis', 0, n.x().shape.length);
    return n.g.op('ScatterElements', [n.zerosLike(n.x()), n.x(1), n.dy], { axis, reduction: 'add' });
  },
];

const gatherND: GradientRule = (n) => [
  () => {
    if (n.forward.int('batch_dims', 0) !== 0) return n.fail('batch_dims above 0 are not supported');
    return n.g.op('ScatterND', [n.zerosLike(n.x()), n.x(1), n.dy], { reduction: 'add' });
  },
];

/** An assignment to a part of a tensor: what was there before has no part in the result, unless it is added to. */
const scatterND: GradientRule = (n) => {
  const reduction = n.forward.string('reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') n.fail(`its reduction "${reduction}" is not supported`);
  return [
    () => (reduction === 'add' ? n.dy : n.op('ScatterND', n.dy, n.x(1), n.zerosLike(n.x(2)))),
    undefined,
    () => n.op('GatherND', n.dy, n.x(1)),
  ];
};

export const indexing: Readonly<Record<string, GradientRule>> = {
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
};
