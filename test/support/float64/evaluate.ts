/**
 * Runs graphs in double precision, in plain loops after the ONNX specification: for operators that the engine has in
 * single precision only, so that finite differences of them mean something. Nothing here is shared with what it tests,
 * and it is held against the engine itself (`evaluate.test.ts`).
 */
import { type Graph, toNumbers } from '../../../src/onnx/graph/index.ts';
import type { Array64 } from './array64.ts';
import { elementwise } from './elementwise.ts';
import { layout } from './layout.ts';
import { Node64, type Operator64 } from './node64.ts';
import { resizing } from './resize.ts';
import { sums } from './sums.ts';
import { windows } from './windows.ts';

const OPERATORS: Readonly<Record<string, Operator64>> = {
  ...elementwise,
  ...layout,
  ...windows,
  ...sums,
  ...resizing,
};

export const evaluatedOperators: readonly string[] = Object.keys(OPERATORS).sort();

export type Feeds64 = Readonly<
  Record<string, { readonly dims: readonly number[]; readonly data: ArrayLike<number> }>
>;

/**
 * Floating-point types of the graph are all doubles here.
 *
 * @returns the outputs of the graph, by name
 * @throws {Error} naming an operator that has no row
 */
export function evaluate(graph: Graph, feeds: Feeds64): Record<string, Array64> {
  const values = new Map<string, Array64>();
  for (const [name, constant] of graph.initializers) {
    values.set(name, { dims: constant.dims, data: Float64Array.from(toNumbers(constant)) });
  }
  for (const [name, { dims, data }] of Object.entries(feeds)) {
    values.set(name, { dims, data: Float64Array.from(data) });
  }
  for (const node of graph.nodes) {
    const operator = OPERATORS[node.opType];
    if (operator === undefined) throw new Error(`${node.opType} has no row in test/support/float64`);
    const inputs = node.inputs.map((name) => (name === '' ? undefined : values.get(name)));
    const result = operator(new Node64(node, inputs, graph.values.get(node.outputs[0]!)?.dtype));
    const outputs = 'data' in result ? [result] : result;
    node.outputs.forEach((name, index) => {
      if (outputs[index] !== undefined) values.set(name, outputs[index]);
    });
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, values.get(name)!]));
}
