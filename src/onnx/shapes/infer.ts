/** Shape inference: a table with one row per operator, for one node or over a whole graph. */
import { describeNode, type Graph, type GraphNode, type ValueType } from '../graph/graph.ts';
import { NodeContext, type ShapeRule } from './context.ts';
import { convolution } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { layout } from './layout.ts';
import { linear } from './linear.ts';
import { normalization } from './normalization.ts';
import { reduction } from './reduction.ts';
import { resizing } from './resize.ts';

const SHAPE_RULES: Readonly<Record<string, ShapeRule>> = {
  ...elementwise,
  ...convolution,
  ...layout,
  ...reduction,
  ...linear,
  ...normalization,
  ...resizing,
};

/** Operators that shape inference knows. */
export const inferableOperators: readonly string[] = Object.keys(SHAPE_RULES).sort();

/**
 * The types of one node's outputs, from the types of its inputs in `graph.values`.
 *
 * @throws {Error} naming the node, if it has no row in the table or its inputs do not fit
 */
export function inferNode(node: GraphNode, graph: Graph): readonly ValueType[] {
  if (node.domain !== '') throw new Error(`${describeNode(node)} is not a standard operator`);
  const rule = Object.hasOwn(SHAPE_RULES, node.opType) ? SHAPE_RULES[node.opType] : undefined;
  if (rule === undefined) {
    throw new Error(
      `${describeNode(node)}: no shape rule for this operator; add a row to a table in src/onnx/shapes`,
    );
  }
  return rule(new NodeContext(node, graph));
}

/**
 * A copy of the graph with the type of every value, worked out from its inputs.
 *
 * @throws {Error} naming the first node whose operator or inputs are not understood
 */
export function inferShapes(graph: Graph): Graph {
  const kept = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()];
  const values = new Map(kept.map((name) => [name, graph.values.get(name)!]));
  const typed: Graph = { ...graph, values };
  for (const node of graph.nodes) {
    const types = inferNode(node, typed);
    node.outputs.forEach((name, index) => {
      const type = types[index];
      if (name !== '' && type !== undefined) values.set(name, { name, ...type });
    });
  }
  typed.outputs = graph.outputs.map((output) => ({
    ...output,
    ...values.get(output.name),
    name: output.name,
  }));
  return typed;
}
