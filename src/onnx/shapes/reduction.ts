/** Shapes of reductions. */
import type { Shape } from '../graph/dim.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';

/** The axes a reduction runs over, counted from the front: attribute or input, by default all of them. */
export function reducedAxes(node: NodeContext): readonly number[] {
  const { shape } = node.input(0);
  const given = node.intsFrom('axes', 1) ?? [];
  if (given.length > 0) return given.map((axis) => node.normalize(axis, shape.length));
  return node.int('noop_with_empty_axes', 0) === 1 ? [] : shape.map((_, axis) => axis);
}

function reduceShape(shape: Shape, axes: readonly number[], keepdims: boolean): Shape {
  return keepdims
    ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : shape.filter((_, axis) => !axes.includes(axis));
}

const reduce: ShapeRule = (node) =>
  like(node, reduceShape(node.input(0).shape, reducedAxes(node), node.int('keepdims', 1) === 1));

const argReduce: ShapeRule = (node) => {
  const { shape } = node.input(0);
  const axis = node.axis('axis', 0, shape.length);
  return like(node, reduceShape(shape, [axis], node.int('keepdims', 1) === 1), 'int64');
};

const KINDS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'Sum', 'SumSquare'];

export const reduction: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(KINDS.map((kind) => [`Reduce${kind}`, reduce])),
  ArgMax: argReduce,
  ArgMin: argReduce,
  CumSum: (node) => like(node, node.input(0).shape),
};
