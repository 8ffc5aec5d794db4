/** Passes that leave the meaning of a graph alone and make it smaller. */
import type { Graph, GraphNode } from './graph.ts';

/** Drops every node and constant that no output needs. Inputs stay: they are the graph's signature. */
export function withoutDeadNodes(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  nodes.reverse();
  const alive = new Set([...graph.inputs.map(({ name }) => name), ...needed]);
  for (const node of nodes) for (const name of node.outputs) alive.add(name);
  return {
    ...graph,
    nodes,
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    values: new Map([...graph.values].filter(([name]) => alive.has(name))),
  };
}

/**
 * Lets the node that computes an output carry the output's name, instead of an Identity behind it. An Identity stays
 * where an output is an input or a constant, or the same value as another output.
 */
export function inlineOutputNames(graph: Graph): Graph {
  const isOutput = new Set(graph.outputs.map(({ name }) => name));
  const producers = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  const renamed = new Map<string, string>();
  const nodes = graph.nodes.filter((node) => {
    const from = node.inputs[0]!;
    const to = node.outputs[0]!;
    const replaceable =
      node.opType === 'Identity' &&
      isOutput.has(to) &&
      !isOutput.has(from) &&
      producers.has(from) &&
      !renamed.has(from);
    if (replaceable) renamed.set(from, to);
    return !replaceable;
  });
  const rename = (name: string) => renamed.get(name) ?? name;
  const values = new Map(graph.values);
  for (const from of renamed.keys()) values.delete(from);
  return {
    ...graph,
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    nodes: nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    values,
  };
}
