/** Gradients of reductions. A gradient that is the same along an axis keeps size 1 there: the walker expands it. */
import type { Value } from '../../graph/index.ts';
import { reducedAxes } from '../../shapes/reduction.ts';
import type { GradientContext, GradientRule } from '../context.ts';

/** `value`, which has the shape of the output, with the reduced axes kept as ones. */
function kept(n: GradientContext, value: Value): Value {
  const axes = reducedAxes(n.forward);
  const gone = n.forward.int('keepdims', 1) === 0 && axes.length > 0;
  return gone ? n.op('Unsqueeze', value, n.g.ints(axes)) : value;
}

/** dy / number of elements: a constant, or counted when the graph runs. */
function spread(n: GradientContext): Value {
  const sizes = reducedAxes(n.forward).map((axis) => n.x().shape[axis]!);
  if (sizes.every((size) => typeof size === 'number')) {
    return n.mul(kept(n, n.dy), 1 / sizes.reduce((product, size) => product * size, 1));
  }
  const count = (value: Value) => n.g.cast(n.op('Size', value), n.dy.dtype);
  return n.mul(kept(n, n.dy), n.div(count(n.y()), count(n.x())));
}

/** The gradient goes to the extreme element; equal ones share it. */
const extreme: GradientRule = (n) => [
  () => {
    const mask = n.g.cast(n.op('Equal', n.x(), kept(n, n.y())), n.dy.dtype);
    const count = n.sum(mask, reducedAxes(n.forward));
    return n.mul(mask, n.div(kept(n, n.dy), count));
  },
];

/** The norm has no slope where it is zero; there x is zero too, and 0 is taken for the gradient. */
function nonZero(n: GradientContext, norm: Value): Value {
  return n.where(n.compare('Equal', norm, 0), 1, norm);
}

export const reductions: Readonly<Record<string, GradientRule>> = {
  ReduceSum: (n) => [() => kept(n, n.dy)],
  ReduceMean: (n) => [() => spread(n)],
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: (n) => [() => n.mul(n.x(), n.mul(kept(n, n.dy), 2))],
  ReduceL1: (n) => [() => n.mul(n.op('Sign', n.x()), kept(n, n.dy))],
  ReduceL2: (n) => [() => n.mul(n.x(), kept(n, n.div(n.dy, nonZero(n, n.y()))))],
  ReduceLogSum: (n) => [() => kept(n, n.div(n.dy, n.op('Exp', n.y())))],
  ReduceLogSumExp: (n) => [() => n.mul(n.op('Exp', n.sub(n.x(), kept(n, n.y()))), kept(n, n.dy))],
};
