/**
 * If nodes whose condition is known before the graph runs: PyTorch writes them where it did not know a rank or a size
 * while it exported. The branch that is taken comes into the place of the node.
 */
import { create } from '@bufbuild/protobuf';
import { type AttributeProto, type GraphProto, type NodeProto, NodeProtoSchema } from 'onnx-buf';
import { inferNode } from '../shapes/infer.ts';
import type { Graph, Value } from './graph.ts';

/** Follows what is known of a graph's values while its nodes are read. */
export class KnownValues {
  readonly #graph: Graph;
  /** The graph's own list of types is for what the model says; this one is thrown away. */
  readonly #typed: Graph;
  #seen = 0;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#typed = { ...graph, values: new Map() };
  }

  typeOf(name: string): Value | undefined {
    this.#catchUp();
    return this.#typed.values.get(name);
  }

  /** Whether a condition holds; `undefined` if that shows only when the graph runs. */
  isTrue(name: string): boolean | undefined {
    const [element] = this.typeOf(name)?.elements ?? [];
    return typeof element === 'number' ? element !== 0 : undefined;
  }

  #catchUp(): void {
    const { values } = this.#typed;
    for (const [name, value] of this.#graph.values) values.set(name, value);
    for (; this.#seen < this.#graph.nodes.length; this.#seen++) {
      const node = this.#graph.nodes[this.#seen]!;
      try {
        inferNode(node, this.#typed).forEach((type, index) => {
          const name = node.outputs[index];
          if (name) values.set(name, { name, ...type });
        });
      } catch {
        // Nothing is known of its outputs, then. If they matter, shape inference says so later, with the reason.
      }
    }
  }
}

/**
 * The nodes that take an If node's place, and the constants that they bring along.
 *
 * @throws {Error} if the condition is not known, or the node is not whole
 */
export function takenBranch(
  node: NodeProto,
  known: KnownValues,
): { nodes: readonly NodeProto[]; constants: GraphProto['initializer'] } {
  const called = `If node "${node.name || node.output[0] || '(unnamed)'}"`;
  const holds = known.isTrue(node.input[0] ?? '');
  if (holds === undefined) {
    throw new Error(
      `${called}: its condition is not known before the graph runs, and control flow is not supported`,
    );
  }
  const wanted = holds ? 'then_branch' : 'else_branch';
  const branch = node.attribute.find(({ name }: AttributeProto) => name === wanted)?.g;
  if (branch === undefined || branch.output.length !== node.output.length) {
    throw new Error(`${called}: its ${wanted} does not fit its outputs`);
  }
  const ends = branch.output.flatMap(({ name }, index): NodeProto[] => {
    const output = node.output[index]!;
    return output === ''
      ? []
      : [create(NodeProtoSchema, { opType: 'Identity', input: [name], output: [output] })];
  });
  return { nodes: [...branch.node, ...ends], constants: branch.initializer };
}
