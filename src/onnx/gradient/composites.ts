/**
 * Functions that exporters spell as several operators, where differentiating the whole is cheaper than its parts.
 *
 * A composite is recognised at its last node and gives the gradients of inner values straight away; the nodes between
 * get no gradient through it.
 */
import type { Value } from '../graph/index.ts';
import type { GradientContext } from './context.ts';
import { affineOfGroups, recomputedSoftmax } from './recompute.ts';

interface CompositeGradient {
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

/**
 * y = x s with s = sigmoid(x): dx = dy (s + y (1 - s)), which needs no x.
 *
 * After a group normalisation x, s and y are computed again from the normalised groups, which are kept for the
 * normalisation's own gradient: a few passes over memory, against two large tensors that would be kept for each layer.
 */
function silu(n: GradientContext): readonly CompositeGradient[] | undefined {
  for (const [input, gate] of [
    [n.x(0), n.x(1)],
    [n.x(1), n.x(0)],
  ] as const) {
    const producer = n.g.producerOf(gate);
    if (producer?.opType !== 'Sigmoid' || producer.inputs[0] !== input.name) continue;
    return [{ input, gradient: () => siluOfGroups(n, input) ?? n.mul(n.dy, siluSlope(n, gate, n.y())) }];
  }
  return undefined;
}

function siluSlope(n: GradientContext, gate: Value, y: Value): Value {
  return n.add(n.mul(n.op('Sub', n.constant(1, gate.dtype), gate), y), gate);
}

function siluOfGroups(n: GradientContext, x: Value): Value | undefined {
  const { dy, g } = n;
  const affine = affineOfGroups(n, x, dy);
  if (affine === undefined) return undefined;
  const slope = g.before(dy, () => {
    const gate = n.op('Sigmoid', affine);
    return siluSlope(n, gate, n.mul(affine, gate));
  });
  return n.reshapeLike(n.mul(n.reshapeLike(dy, slope), slope), x);
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
      ? { input: a, gradient: () => product(n.dy, again(n, n.transposeMatrix(b))) }
      : { input: beforeA, gradient: () => product(again(n, b), n.transposeMatrix(n.dy)) };
  const second: CompositeGradient =
    beforeB === undefined
      ? { input: b, gradient: () => product(n.transposeMatrix(again(n, a)), n.dy) }
      : { input: beforeB, gradient: () => product(n.transposeMatrix(n.dy), again(n, a)) };
  return [first, second];
}

/** An operand that may be attention weights. */
function again(n: GradientContext, operand: Value): Value {
  return recomputedSoftmax(n, operand, n.dy);
}
