/** Builds a graph node by node, with types, shapes and names worked out on the way. */
import { inferNode } from '../shapes/infer.ts';
import { type AttributeInput, type Attributes, toAttributes } from './attribute.ts';
import { inlineOutputNames, withoutDeadNodes } from './cleanup.ts';
import { type DataType, onnxCode } from './data-type.ts';
import { isStatic, type Shape } from './dim.ts';
import { emptyGraph, type Graph, type GraphNode, type Value } from './graph.ts';
import { type Tensor, tensorBytes, tensorFrom, toNumbers, typeOf } from './tensor.ts';

/** The lowest version that has everything Cairn's own networks need (LayerNormalization came with 17). */
export const DEFAULT_OPSET = 17;

/** Constants up to this size are shared when they are equal, and are known to shape inference. */
const SMALL_CONSTANT_BYTES = 4096;

export interface GraphBuilderOptions {
  readonly name: string;
  readonly opset?: number;
}

export interface ExtendedGraph {
  readonly builder: GraphBuilder;
  readonly nodes: readonly GraphNode[];
  readonly lookup: (name: string) => Value | undefined;
}

/**
 * Every operator is pure, so asking twice for the same operator over the same inputs gives the same value: common
 * subexpressions are shared by construction.
 *
 * @example
 * const g = new GraphBuilder({ name: 'tiny' });
 * const x = g.input('x', 'float32', ['N', 3, 32, 32]);
 * const w = g.weight('conv.weight', tensor('float32', [8, 3, 3, 3], weights));
 * g.output(g.op('Conv', [x, w], { pads: [1, 1, 1, 1] }), 'y');
 * const bytes = serializeModel(g.build());
 */
export class GraphBuilder {
  private readonly graph: Graph;
  private readonly taken = new Set<string>();
  private readonly known = new Map<string, readonly string[]>();
  private readonly scopes: string[] = [];

  constructor({ name, opset = DEFAULT_OPSET }: GraphBuilderOptions) {
    this.graph = emptyGraph(name, opset);
  }

  /**
   * A builder that goes on from a copy of a typed graph (see `inferShapes`), whose outputs it leaves out; the
   * caller names new ones. Value names stay as they are, except that equal nodes become one.
   *
   * @returns the builder, its copy of the nodes, and the value that stands for each value of the original graph
   */
  static extend(source: Graph): ExtendedGraph {
    const builder = new GraphBuilder({ name: source.name, opset: source.opset });
    const merged = new Map<string, string>();
    const { graph } = builder;
    graph.inputs.push(...source.inputs);
    for (const [name, constant] of source.initializers) {
      graph.initializers.set(name, constant);
      builder.taken.add(name);
    }
    for (const { name } of source.inputs) builder.taken.add(name);
    for (const [name, value] of source.values) graph.values.set(name, value);
    for (const node of source.nodes) {
      const inputs = node.inputs.map((name) => merged.get(name) ?? name);
      const key = nodeKey(node.domain, node.opType, inputs, node.attributes, node.outputs);
      const twin = builder.known.get(key);
      if (twin !== undefined) {
        node.outputs.forEach((name, index) => void merged.set(name, twin[index]!));
        continue;
      }
      graph.nodes.push({ ...node, inputs });
      builder.known.set(key, node.outputs);
      builder.taken.add(node.name);
      for (const name of node.outputs) builder.taken.add(name);
    }
    return {
      builder,
      nodes: [...graph.nodes],
      lookup: (name) => graph.values.get(merged.get(name) ?? name),
    };
  }

  get opset(): number {
    return this.graph.opset;
  }

  /** Names made inside `body` start with `name/`; scopes nest. */
  scope<T>(name: string, body: () => T): T {
    this.scopes.push(name);
    try {
      return body();
    } finally {
      this.scopes.pop();
    }
  }

  /**
   * Nodes made inside `body` come before the node that computes `value`; they must not need it. Engines that follow
   * the graph back from its outputs (onnxruntime goes to the later of a node's inputs first) then run them after it.
   */
  before<T>(value: Value, body: () => T): T {
    const { nodes } = this.graph;
    const end = nodes.length;
    const result = body();
    const at = nodes.findLastIndex(({ outputs }) => outputs.includes(value.name));
    if (at >= 0) nodes.splice(at, 0, ...nodes.splice(end));
    return result;
  }

  /** A graph input; its name is used as it is. */
  input(name: string, dtype: DataType, shape: Shape): Value {
    if (this.taken.has(name)) throw new Error(`the graph already has a value named ${name}`);
    this.taken.add(name);
    const value = this.remember({ name, dtype, shape });
    this.graph.inputs.push(value);
    return value;
  }

  /** A constant stored in the model under its own name (not scoped: checkpoints have names of their own). */
  initializer(name: string, constant: Tensor): Value {
    const unique = this.uniqueName(name);
    this.graph.initializers.set(unique, constant);
    return this.remember({ name: unique, ...typeOf(constant) });
  }

  /**
   * A network weight, given in float32 whatever it is stored in: half precision halves the file, and the Cast back
   * is folded away when an engine loads the model.
   */
  weight(name: string, stored: Tensor): Value {
    const value = this.initializer(name, stored);
    if (stored.dtype === 'float32') return value;
    return this.scope(name, () => this.cast(value, 'float32'));
  }

  /** An unnamed constant. Plain numbers are stored as `dtype`; equal small constants are stored once. */
  constant(data: number | readonly number[], dtype: DataType = 'float32'): Value {
    const list = typeof data === 'number' ? [data] : data;
    const dims = typeof data === 'number' ? [] : [data.length];
    return this.constantTensor(tensorFrom(dtype, dims, list));
  }

  /** A 1-d int64 constant: shapes, axes, splits. */
  ints(data: readonly number[]): Value {
    return this.constant(data, 'int64');
  }

  constantTensor(constant: Tensor): Value {
    if (tensorBytes(constant) > SMALL_CONSTANT_BYTES) {
      return this.initializer(`const/${constant.dtype}[${constant.dims}]`, constant);
    }
    const key = `constant ${constant.dtype}[${constant.dims}] ${constant.bytes()}`;
    const twin = this.known.get(key);
    if (twin !== undefined) return this.value(twin[0]!);
    const value = this.initializer(constantName(constant), constant);
    this.known.set(key, [value.name]);
    return value;
  }

  /** The stored constant behind a value, if it is one. */
  tensorOf(value: Value): Tensor | undefined {
    return this.graph.initializers.get(value.name);
  }

  /** Adds a node with one output. */
  op(opType: string, inputs: readonly (Value | undefined)[], attributes: AttributeInput = {}): Value {
    return this.ops(opType, inputs, attributes, 1)[0]!;
  }

  /**
   * Adds a node with several outputs.
   *
   * @param inputs `undefined` for an optional input that is left out
   * @throws {Error} if the operator has no row in the shape table or its inputs do not fit it
   */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: AttributeInput,
    outputCount: number,
  ): Value[] {
    const names = trimTrailing(inputs.map((value) => value?.name ?? ''));
    const typed = toAttributes(attributes);
    const key = nodeKey(
      '',
      opType,
      names,
      typed,
      Array.from({ length: outputCount }, () => '_'),
    );
    const twin = this.known.get(key);
    if (twin !== undefined) return twin.map((name) => this.value(name));
    const name = this.uniqueName([...this.scopes, opType].join('/'));
    const outputs =
      outputCount === 1
        ? [name]
        : Array.from({ length: outputCount }, (_, index) => this.uniqueName(`${name}.${index}`));
    const node: GraphNode = { name, opType, domain: '', inputs: names, outputs, attributes: typed };
    const types = inferNode(node, this.graph);
    this.graph.nodes.push(node);
    this.known.set(key, outputs);
    return outputs.map((output, index) => this.remember({ name: output, ...types[index]! }));
  }

  /** What a node with one output gives, if the graph has that node already. */
  existing(opType: string, inputs: readonly Value[], attributes: AttributeInput = {}): Value | undefined {
    const names = inputs.map(({ name }) => name);
    const twin = this.known.get(nodeKey('', opType, names, toAttributes(attributes), ['_']));
    return twin && this.value(twin[0]!);
  }

  /** @throws {Error} if the graph has no value of this name */
  value(name: string): Value {
    const value = this.graph.values.get(name);
    if (value === undefined) throw new Error(`the graph has no value named ${name}`);
    return value;
  }

  /** The node that computes a value; `undefined` for inputs and constants. */
  producerOf(value: Value): GraphNode | undefined {
    return this.graph.nodes.findLast(({ outputs }) => outputs.includes(value.name));
  }

  /** The nodes after the one that computes a value; all of them for inputs and constants. */
  nodesAfter(value: Value): readonly GraphNode[] {
    return this.graph.nodes.slice(
      this.graph.nodes.findLastIndex(({ outputs }) => outputs.includes(value.name)) + 1,
    );
  }

  /**
   * Asks the node that computes `value` for an optional output that it does not give yet, such as the indices of a
   * MaxPool, so that nothing is computed twice.
   *
   * @param index of the output
   */
  optionalOutput(value: Value, index: number): Value {
    const at = this.graph.nodes.findLastIndex(({ outputs }) => outputs.includes(value.name));
    const node = this.graph.nodes[at];
    if (node === undefined) throw new Error(`${value.name} is not the output of a node`);
    const present = node.outputs[index];
    if (present) return this.value(present);
    const name = this.uniqueName(`${node.name}.${index}`);
    const outputs = Array.from({ length: Math.max(index + 1, node.outputs.length) }, (_, i) =>
      i === index ? name : (node.outputs[i] ?? ''),
    );
    const extended = { ...node, outputs };
    this.graph.nodes[at] = extended;
    return this.remember({ name, ...inferNode(extended, this.graph)[index]! });
  }

  /** Repeats a value along axes where it has size 1, until it has the shape of `model`. */
  expandLike(x: Value, model: Value): Value {
    const missing = model.shape.length - x.shape.length;
    const repeated = model.shape.map((dim, axis) => dim !== 1 && (x.shape[axis - missing] ?? 1) === 1);
    if (missing === 0 && !repeated.includes(true)) return x;
    const sizes = model.shape.map((dim, axis) => (repeated[axis] ? dim : 1));
    const target = isStatic(sizes) ? this.ints(sizes) : this.op('Shape', [model]);
    return this.op('Expand', [x, target]);
  }

  cast(x: Value, dtype: DataType): Value {
    return x.dtype === dtype ? x : this.op('Cast', [x], { to: onnxCode(dtype) });
  }

  /** ReduceSum, ReduceMean, ...: their axes moved from an attribute to an input, ReduceSum's first. */
  reduce(opType: string, x: Value, axes: readonly number[], keepdims = true): Value {
    const asInput = this.opset >= (opType === 'ReduceSum' ? 13 : 18);
    const inputs = asInput ? [x, this.ints(axes)] : [x];
    return this.op(opType, inputs, { axes: asInput ? undefined : axes, keepdims: keepdims ? 1 : 0 });
  }

  /** Makes a value an output of the graph under exactly this name. */
  output(value: Value, name: string): void {
    if (this.taken.has(name)) throw new Error(`the graph already has a value named ${name}`);
    this.taken.add(name);
    const node: GraphNode = {
      name: this.uniqueName(`output/${name}`),
      opType: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [name],
      attributes: {},
    };
    this.graph.nodes.push(node);
    this.graph.outputs.push(this.remember({ ...value, name }));
  }

  /** The finished graph, without the nodes and constants that no output needs. */
  build(): Graph {
    return withoutDeadNodes(inlineOutputNames(this.graph));
  }

  private remember(value: Value): Value {
    this.graph.values.set(value.name, value);
    return value;
  }

  private uniqueName(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.taken.has(name); count++) name = `${wanted}_${count}`;
    this.taken.add(name);
    return name;
  }
}

function trimTrailing(names: readonly string[]): string[] {
  return names.slice(0, names.findLastIndex((name) => name !== '') + 1);
}

function constantName(constant: Tensor): string {
  const few = constant.dims.length <= 1 && (constant.dims[0] ?? 1) <= 8;
  return `const/${constant.dtype}[${few ? toNumbers(constant) : constant.dims.join('x')}]`;
}

function nodeKey(
  domain: string,
  opType: string,
  inputs: readonly string[],
  attributes: Attributes,
  outputs: readonly string[],
): string {
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  const spelled = sorted.map(([name, { type, value }]) =>
    type === 'tensor' ? [name, value.dtype, value.dims, `${value.bytes()}`] : [name, type, value],
  );
  const present = outputs.map((output) => output !== '');
  return JSON.stringify([domain, opType, inputs, spelled, present]);
}
