/**
 * Functions that exporters spell as several operators, where differentiating the whole is cheaper than its parts.
 *
 * A composite is recognised at its last node and gives the gradient of an inner value straight away; the nodes between
 * then get no gradient through it.
 */
import type { GraphNode, Value } from '../graph/index.ts';
import type { GradientContext } from './context.ts';

export interface CompositeGradient {
  /** The value that the gradient is with respect to. */
  readonly input: Value;
  readonly gradient: () => Value;
}

/** The composite that ends at this node, if any. */
export function compositeGradient(n: GradientContext): CompositeGradient | undefined {
  return n.node.opType === 'Mul' ? silu(n) : undefined;
}

/** y = x s with s = sigmoid(x): dx = dy (s + y (1 - s)), which needs no x. */
function silu(n: GradientContext): CompositeGradient | undefined {
  for (const [input, gate] of [
    [n.x(0), n.x(1)],
    [n.x(1), n.x(0)],
  ] as const) {
    const producer: GraphNode | undefined = n.g.producerOf(gate);
    if (producer?.opType !== 'Sigmoid' || producer.inputs[0] !== input.name) continue;
    const slope = () => n.add(n.mul(n.op('Sub', n.constant(1, gate.dtype), gate), n.y()), gate);
    return { input, gradient: () => n.mul(n.dy, slope()) };
  }
  return undefined;
}
