/** How much memory the values of a graph take while it runs, worked out from their shapes. */
import { byteSize } from './data-type.ts';
import { sizeOf } from './dim.ts';
import type { Graph, GraphNode, Value } from './graph.ts';

/** Operators whose answer is their first input under another shape: engines move no bytes. */
const VIEWS = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

export interface LiveMemory {
  /** Bytes of the values that are alive at the same time, at most; inputs and outputs of the graph among them. */
  readonly activations: number;
  /** The node during which that is. */
  readonly peakAt: string;
  /** Bytes of the constants that the run reads: weights, and what an engine prepares from them when it loads. */
  readonly constants: number;
}

/**
 * Follows a run of the graph in onnxruntime's order. A value lives from the node that computes it to the last that
 * reads it, and is written over no other: onnxruntime does that for a few functions where it knows the size, and for no
 * sum or product. What an engine adds for itself is not in it: copies in other layouts, working space of a kernel, gaps.
 *
 * @param typed a graph whose values all have types, as `inferShapes` gives it
 * @param batch stands for every symbol of the shapes
 * @throws {Error} if a value's type is not known
 */
export function liveMemory(typed: Graph, batch: number): LiveMemory {
  const { nodes, constants } = withoutConstantNodes(typed);
  const order = executionOrder(nodes);
  const owner = storageOwners(order);
  const bytes = (name: string): number => bytesOf(typed, name, batch);
  const given = typed.inputs.map(({ name }) => name);
  const lastRead = new Map<string, number>();
  for (const [at, { inputs }] of order.entries()) for (const name of inputs) lastRead.set(owner(name), at);
  for (const { name } of [...typed.inputs, ...typed.outputs]) lastRead.set(owner(name), order.length);

  const alive = new Set(given);
  let now = given.reduce((sum, name) => sum + bytes(name), 0);
  let peak = { activations: now, peakAt: '' };
  for (const [at, node] of order.entries()) {
    const fresh = node.outputs.filter((name) => name !== '' && owner(name) === name);
    const dying = [...new Set(node.inputs.map(owner))].filter(
      (name) => alive.has(name) && lastRead.get(name) === at,
    );
    const added = fresh.reduce((sum, name) => sum + bytes(name), 0);
    const during = now + added;
    if (during > peak.activations) peak = { activations: during, peakAt: node.name };
    for (const name of fresh) if (lastRead.has(name)) alive.add(name);
    for (const name of dying) alive.delete(name);
    now += fresh.reduce((sum, name) => sum + (lastRead.has(name) ? bytes(name) : 0), 0);
    now -= dying.reduce((sum, name) => sum + bytes(name), 0);
  }
  const read = new Set(nodes.flatMap(({ inputs }) => inputs).filter((name) => constants.has(name)));
  return { ...peak, constants: [...read].reduce((sum, name) => sum + bytes(name), 0) };
}

/** Nodes that see constants only are run once, when the graph is loaded. */
function withoutConstantNodes({ nodes, initializers }: Graph): {
  nodes: readonly GraphNode[];
  constants: ReadonlySet<string>;
} {
  const constants = new Set(initializers.keys());
  const kept = nodes.filter(({ inputs, outputs }) => {
    const constant = inputs.every((name) => name === '' || constants.has(name));
    if (constant) for (const name of outputs) constants.add(name);
    return !constant;
  });
  return { nodes: kept, constants };
}

/**
 * onnxruntime's default order: from the nodes that nobody reads back along the inputs, of several the latest in the
 * file first, and each node when its inputs are done.
 */
export function executionOrder(nodes: readonly GraphNode[]): readonly GraphNode[] {
  const producer = new Map(nodes.flatMap(({ outputs }, at) => outputs.map((name) => [name, at] as const)));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const ends = [...nodes.keys()].filter((at) => !nodes[at]!.outputs.some((name) => read.has(name)));
  const stack = ends.map((at) => ({ at, done: false }));
  const seen = new Set<number>();
  const order: GraphNode[] = [];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { at, done } = next;
    const node = nodes[at]!;
    if (done) order.push(node);
    if (done || seen.has(at)) continue;
    seen.add(at);
    stack.push({ at, done: true });
    const before = node.inputs.flatMap((name) => producer.get(name) ?? []);
    for (const input of before.sort((a, b) => a - b)) stack.push({ at: input, done: false });
  }
  return order;
}

/** Which value holds the bytes of each: a view's are those of its input. */
function storageOwners(order: readonly GraphNode[]): (name: string) => string {
  const consumers = new Map<string, string[]>();
  for (const { inputs, opType } of order) {
    for (const name of inputs) consumers.set(name, [...(consumers.get(name) ?? []), opType]);
  }
  const owners = new Map<string, string>();
  const owner = (name: string): string => owners.get(name) ?? name;
  for (const { opType, inputs, outputs } of order) {
    // Engines read the transposition next to a matrix product as a flag of the product.
    const flag = opType === 'Transpose' && consumers.get(outputs[0]!)?.every((reader) => reader === 'MatMul');
    if (flag || VIEWS.has(opType)) owners.set(outputs[0]!, owner(inputs[0]!));
  }
  return owner;
}

function bytesOf(typed: Graph, name: string, batch: number): number {
  const value: Value | undefined = typed.values.get(name);
  if (value === undefined) throw new Error(`the type of the value "${name}" is not known`);
  return value.shape.reduce<number>((size, dim) => size * sizeOf(dim, batch), byteSize(value.dtype));
}
