/** What a row of the shape table sees of its node. */
import { type DataType, isFloat } from '../graph/data-type.ts';
import { type Dim, normalizeAxis, type Shape, showShape } from '../graph/dim.ts';
import { describeNode, type Graph, type GraphNode, type Value, type ValueType } from '../graph/graph.ts';
import { elementCount, MOST_ELEMENTS, type Tensor, toNumbers } from '../graph/tensor.ts';

/** Gives the types of a node's outputs, in order. */
export type ShapeRule = (node: NodeContext) => readonly ValueType[];

export class NodeContext {
  readonly node: GraphNode;
  readonly opset: number;
  private readonly graph: Graph;
  private fresh = 0;

  constructor(node: GraphNode, graph: Graph) {
    this.node = node;
    this.graph = graph;
    this.opset = graph.opset;
  }

  /** A required input. */
  input(index: number): Value {
    const value = this.optional(index);
    if (value === undefined) return this.fail(`input ${index} is missing`);
    return value;
  }

  optional(index: number): Value | undefined {
    const name = this.node.inputs[index] ?? '';
    if (name === '') return undefined;
    const value = this.graph.values.get(name);
    if (value === undefined) return this.fail(`the type of its input "${name}" is not known`);
    return value;
  }

  inputs(): Value[] {
    return this.node.inputs.map((_, index) => this.input(index));
  }

  get outputCount(): number {
    return this.node.outputs.length;
  }

  /** The constant at an input, if it is one. */
  constant(index: number): Tensor | undefined {
    return this.graph.initializers.get(this.node.inputs[index] ?? '');
  }

  int(name: string): number | undefined;
  int(name: string, fallback: number): number;
  int(name: string, fallback?: number): number | undefined {
    const attribute = this.node.attributes[name];
    return attribute?.type === 'int' ? attribute.value : fallback;
  }

  float(name: string, fallback: number): number {
    const attribute = this.node.attributes[name];
    return attribute?.type === 'float' ? attribute.value : fallback;
  }

  ints(name: string): readonly number[] | undefined {
    const attribute = this.node.attributes[name];
    return attribute?.type === 'ints' ? attribute.value : undefined;
  }

  string(name: string, fallback: string): string {
    const attribute = this.node.attributes[name];
    return attribute?.type === 'string' ? attribute.value : fallback;
  }

  /** An axis attribute, counted from the front. */
  axis(name: string, fallback: number, rank: number): number {
    return this.normalize(this.int(name, fallback), rank);
  }

  normalize(axis: number, rank: number): number {
    try {
      return normalizeAxis(axis, rank);
    } catch (error) {
      return this.fail((error as Error).message);
    }
  }

  /** Integers that are an attribute in old operator sets and an input in new ones: axes, split, pads. */
  intsFrom(name: string, input: number): readonly number[] | undefined {
    const value = this.optional(input);
    if (value === undefined) return this.ints(name);
    return this.knownInts(value, name);
  }

  /** The elements of a shape-like input, symbols included. */
  dims(index: number): readonly Dim[] | undefined {
    const known = this.input(index).elements;
    return known === undefined ? undefined : known;
  }

  /** The same, and of a small constant of floats: those are read when sizes are combined with them, not as weights. */
  known(index: number): readonly Dim[] | undefined {
    const { elements } = this.input(index);
    const constant = this.constant(index);
    if (elements !== undefined || constant === undefined) return elements;
    const isSmall = elementCount(constant.dims) <= MOST_ELEMENTS;
    return isSmall && isFloat(constant.dtype) && constant.dtype !== 'bfloat16'
      ? toNumbers(constant)
      : undefined;
  }

  /** A dimension that is known only when the graph runs. */
  freshDim(): Dim {
    const name = this.node.outputs.find((output) => output !== '') ?? this.node.name;
    return `${name.replaceAll('*', '.')}.dim${this.fresh++}`;
  }

  unknownShape(rank: number): Shape {
    return Array.from({ length: rank }, () => this.freshDim());
  }

  /** @throws {Error} naming the node, what was wrong, and the types of its inputs */
  fail(problem: string): never {
    const types = this.node.inputs.map((name) => {
      const value = this.graph.values.get(name);
      return value === undefined ? name || '(none)' : `${name} ${value.dtype}${showShape(value.shape)}`;
    });
    throw new Error(`${describeNode(this.node)}: ${problem} (inputs: ${types.join('; ')})`);
  }

  private knownInts(value: Value, what: string): readonly number[] {
    const known = value.elements;
    if (known === undefined || !known.every((dim) => typeof dim === 'number')) {
      return this.fail(`its ${what} must be constant`);
    }
    return known;
  }
}

/** One output with the element type of the first input. */
export function like(node: NodeContext, shape: Shape, dtype: DataType = node.input(0).dtype): ValueType[] {
  return [{ dtype, shape }];
}
