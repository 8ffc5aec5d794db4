/**
 * Functions that exporters spell as several operators, where differentiating the whole is cheaper than its parts.
 *
 * A composite is recognised at its last node and gives the gradients of inner values straight away; the nodes between
 * get no gradient through it.
 */
import type { Value } from '../graph/index.ts';
import type { GradientContext } from './context.ts';

export interface CompositeGradient {
  /** The value that the gradient is with respect to. */
  readonly input: Value;
  readonly gradient: () => Value;
}

/** The gradients of the composite that ends at this node, if one does. */
export function compositeGradients(n: GradientContext): readonly CompositeGradient[] | undefined {
  switch (n.node.opType) {
    case 'Mul':
      return silu(n);
    case 'MatMul':
      return transposedProduct(n);
    default:
      return undefined;
  }
}

/** y = x s with s = sigmoid(x): dx = dy (s + y (1 - s)), which needs no x. */
function silu(n: GradientContext): readonly CompositeGradient[] | undefined {
  for (const [input, gate] of [
    [n.x(0), n.x(1)],
    [n.x(1), n.x(0)],
  ] as const) {
    const producer = n.g.producerOf(gate);
    if (producer?.opType !== 'Sigmoid' || producer.inputs[0] !== input.name) continue;
    const slope = () => n.add(n.mul(n.op('Sub', n.constant(1, gate.dtype), gate), n.y()), gate);
    return [{ input, gradient: () => n.mul(n.dy, slope()) }];
  }
  return undefined;
}

/**
 * Y = A B where an operand is the transpose of another matrix: the gradient goes to that matrix as a product of its
 * own, so that no transposition of a result is left over (those of operands become flags of the product).
 */
function transposedProduct(n: GradientContext): readonly CompositeGradient[] | undefined {
  const [a, b] = [n.x(0), n.x(1)];
  if (a.shape.length < 2 || b.shape.length < 2) return undefined;
  const [beforeA, beforeB] = [n.untransposed(a), n.untransposed(b)];
  if (beforeA === undefined && beforeB === undefined) return undefined;
  const product = (left: Value, right: Value) => n.op('MatMul', left, right);
  const first: CompositeGradient =
    beforeA === undefined
      ? { input: a, gradient: () => product(n.dy, n.transposeMatrix(b)) }
      : { input: beforeA, gradient: () => product(b, n.transposeMatrix(n.dy)) };
  const second: CompositeGradient =
    beforeB === undefined
      ? { input: b, gradient: () => product(n.transposeMatrix(a), n.dy) }
      : { input: beforeB, gradient: () => product(n.transposeMatrix(n.dy), a) };
  return [first, second];
}
