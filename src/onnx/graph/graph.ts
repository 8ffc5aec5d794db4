/** The in-memory ONNX graph: plain data that the builder, the importer and the differentiator share. */
import type { Attributes } from './attribute.ts';
import type { DataType } from './data-type.ts';
import type { Dim, Shape } from './dim.ts';
import type { Tensor } from './tensor.ts';

/** What is known of a value (an edge of the graph) before it runs. */
export interface ValueType {
  readonly dtype: DataType;
  readonly shape: Shape;
  /**
   * The elements of a small tensor, row-major, where they are known: constants and shape arithmetic. A symbol among
   * them stands for a size known only at run time; truth is 1 and 0.
   */
  readonly elements?: readonly Dim[];
}

export interface Value extends ValueType {
  readonly name: string;
}

export interface GraphNode {
  /** Unique in the graph. */
  readonly name: string;
  readonly opType: string;
  /** '' for the standard operators. */
  readonly domain: string;
  /** Value names; '' for an optional input that is left out. */
  readonly inputs: readonly string[];
  /** Value names; '' for an optional output that is left out. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** One model. Nodes are in topological order: each reads only inputs, initializers and outputs of earlier nodes. */
export interface Graph {
  name: string;
  /** Version of the standard operator set. */
  opset: number;
  inputs: Value[];
  outputs: Value[];
  /** Constants by value name, in the order they are written. */
  initializers: Map<string, Tensor>;
  nodes: GraphNode[];
  /** Types by value name: at least of inputs and initializers; of node outputs where inference knows them. */
  values: Map<string, Value>;
}

export function emptyGraph(name: string, opset: number): Graph {
  return { name, opset, inputs: [], outputs: [], initializers: new Map(), nodes: [], values: new Map() };
}

/** A node as error messages call it: `Conv node "input_blocks.0/Conv"`. */
export function describeNode(node: GraphNode): string {
  const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  return `${operator} node "${node.name || node.outputs.find((name) => name !== '') || '(unnamed)'}"`;
}
