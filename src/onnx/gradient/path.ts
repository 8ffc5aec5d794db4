/** What lies between the image and the logits. */
import { isFloat } from '../graph/data-type.ts';
import type { Graph, GraphNode, Value } from '../graph/index.ts';
import { gradientRule } from './registry.ts';

/** The floating-point values that depend on `input` through operators that a gradient passes. */
export function valuesOnPath(
  nodes: readonly GraphNode[],
  input: Value,
  lookup: (name: string) => Value | undefined,
): ReadonlySet<string> {
  const onPath = new Set([input.name]);
  for (const node of nodes) {
    if (!node.inputs.some((name) => onPath.has(name)) || gradientRule(node.opType) === 'none') continue;
    for (const name of node.outputs) {
      const value = name === '' ? undefined : lookup(name);
      if (value !== undefined && isFloat(value.dtype)) onPath.add(value.name);
    }
  }
  return onPath;
}

/** How many nodes of each operator a gradient passes from output to input, the most frequent operator first. */
export function operatorsOnPath(typed: Graph, input: string, output: string): ReadonlyMap<string, number> {
  const lookup = (name: string) => typed.values.get(name);
  const reached = valuesOnPath(typed.nodes, lookup(input)!, lookup);
  const needed = new Set([output]);
  const counts = new Map<string, number>();
  for (const node of typed.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name) && reached.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}
