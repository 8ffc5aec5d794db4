/** What passes over a graph put into it. */
import { type AttributeInput, toAttributes } from './attribute.ts';
import type { Graph, GraphNode } from './graph.ts';
import { type Tensor, typeOf } from './tensor.ts';

/** @returns the name, for whoever reads the constant */
export function addConstant(
  { initializers, values }: Pick<Graph, 'initializers' | 'values'>,
  name: string,
  constant: Tensor,
): string {
  initializers.set(name, constant);
  values.set(name, { name, ...typeOf(constant) });
  return name;
}

/** A node of a standard operator, called after what it gives unless it has a name of its own. */
export function standardNode(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: AttributeInput = {},
  name: string = outputs[0]!,
): GraphNode {
  return { name, opType, domain: '', inputs, outputs, attributes: toAttributes(attributes) };
}
