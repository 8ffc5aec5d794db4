/** What an operator sees of its node, and what it gives. */
import type { GraphNode } from '../../../src/onnx/graph/graph.ts';
import { type Array64, countFromFront } from './array64.ts';

export type Operator64 = (node: Node64) => Array64 | readonly Array64[];

export class Node64 {
  /** Of the first output, as the graph says. */
  readonly dtype: string | undefined;
  readonly inputs: readonly (Array64 | undefined)[];
  readonly #node: GraphNode;

  constructor(node: GraphNode, inputs: readonly (Array64 | undefined)[], dtype: string | undefined) {
    this.#node = node;
    this.inputs = inputs;
    this.dtype = dtype;
  }

  x(index = 0): Array64 {
    const input = this.inputs[index];
    if (input === undefined) throw new Error(`${this.#node.opType} has no input ${index}`);
    return input;
  }

  /** The elements of an optional input. */
  list(index: number): readonly number[] | undefined {
    const input = this.inputs[index];
    return input && input.data.length > 0 ? [...input.data] : undefined;
  }

  /** A list that is an input in some operator sets, and an attribute in others. */
  inputOrAttribute(index: number, name: string): readonly number[] | undefined {
    return this.list(index) ?? this.ints(name);
  }

  number(name: string, fallback: number): number {
    const attribute = this.#node.attributes[name];
    return attribute?.type === 'int' || attribute?.type === 'float' ? attribute.value : fallback;
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.#node.attributes[name];
    return attribute?.type === 'ints' ? attribute.value : undefined;
  }

  text(name: string, fallback: string): string {
    const attribute = this.#node.attributes[name];
    return attribute?.type === 'string' ? attribute.value : fallback;
  }

  axis(name: string, fallback: number): number {
    return countFromFront(this.number(name, fallback), this.x().dims.length);
  }
}
