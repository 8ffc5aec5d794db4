/** Large attention one head after the other, so that what a head computes is still in the processor's cache when it is read. */
import { isStatic, sameShape } from '../graph/dim.ts';
import { type AttributeInput, type Graph, type GraphNode, withoutDeadNodes } from '../graph/index.ts';
import { addConstant, standardNode } from '../graph/rewrite.ts';
import { tensorFrom } from '../graph/tensor.ts';
import { inferShapes } from '../shapes/infer.ts';
import { isLastAxis } from './recompute.ts';

/** Weights of a head with as many elements (4 MB at 1024 tokens in float32) come back from memory, not from a cache. */
const LARGE = 2 ** 18;

/** Queries, keys and values, in this order, as outputs of the node that takes them apart. */
type Roles = readonly [query: number, key: number, value: number];

/** O = V softmax(Q^T K)^T over `[N, heads, channels, tokens]`, each of the three a third of the channels of one value. */
interface PackedAttention {
  /** `[N, 3 * heads * channels, tokens]` */
  readonly packed: string;
  readonly roles: Roles;
  readonly heads: number;
  readonly channels: number;
  readonly tokens: number;
}

/**
 * The graph with every large attention of several heads written head by head. All that a head computes is there before
 * the next one begins, in the backward pass too, since the three gradients of a head are joined first: onnxruntime
 * follows a graph from its end.
 *
 * @param typed see `inferShapes`
 * @param from elements of the weights of one head
 */
export function attentionByHeads(typed: Graph, from = LARGE): Graph {
  const producers = new Map(typed.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const rewritten: Graph = {
    ...typed,
    initializers: new Map(typed.initializers),
    values: new Map(typed.values),
  };
  let found = false;
  rewritten.nodes = typed.nodes.flatMap((node) => {
    const attention = findPacked(typed, producers, node);
    if (attention === undefined || attention.tokens ** 2 < from) return [node];
    found = true;
    return headByHead(rewritten, node, attention);
  });
  return found ? inferShapes(withoutDeadNodes(rewritten)) : typed;
}

function findPacked(
  graph: Graph,
  producers: ReadonlyMap<string, GraphNode>,
  node: GraphNode,
): PackedAttention | undefined {
  const before = (name: string | undefined, opType: string): GraphNode | undefined => {
    const producer = producers.get(name ?? '');
    return producer?.opType === opType && producer.domain === '' ? producer : undefined;
  };
  const transposed = (name: string | undefined): string | undefined => {
    const { inputs, attributes } = before(name, 'Transpose') ?? {};
    const swaps = attributes?.perm?.type === 'ints' && `${attributes.perm.value}` === '0,1,3,2';
    return swaps ? inputs![0] : undefined;
  };
  if (node.opType !== 'MatMul') return undefined;
  const softmax = before(transposed(node.inputs[1]), 'Softmax');
  const scores = before(softmax?.inputs[0], 'MatMul');
  if (softmax === undefined || scores === undefined || !isLastAxis(softmax, 4)) return undefined;
  const parts = [transposed(scores.inputs[0]), scores.inputs[1], node.inputs[0]];
  const thirds = parts.map((name) => before(name, 'Reshape')?.inputs[0]);
  const split = before(thirds[0], 'Split');
  const roles = thirds.map((name) => split?.outputs.indexOf(name ?? '') ?? -1);
  if (split?.outputs.length !== 3 || new Set(roles).size < 3 || roles.includes(-1)) return undefined;
  const shapeOf = (name: string | undefined) => graph.values.get(name ?? '')?.shape ?? [];
  const [shape, ...others] = parts.map(shapeOf);
  const packed = shapeOf(split.inputs[0]);
  const [, heads, channels, tokens] = shape as number[];
  if (shape?.length !== 4 || !isStatic(shape.slice(1)) || !others.every((other) => sameShape(other, shape))) {
    return undefined;
  }
  if (!sameShape(packed, [shape[0]!, 3 * heads! * channels!, tokens!])) return undefined;
  if (heads! < 2) return undefined;
  return {
    packed: split.inputs[0]!,
    roles: roles as unknown as Roles,
    heads: heads!,
    channels: channels!,
    tokens: tokens!,
  };
}

function headByHead(
  graph: Graph,
  { outputs }: GraphNode,
  { packed, roles, heads, channels, tokens }: PackedAttention,
): GraphNode[] {
  const nodes: GraphNode[] = [];
  // Exporters may leave nodes without names.
  const name = outputs[0]!;
  const op = (
    label: string,
    opType: string,
    inputs: readonly string[],
    attributes: AttributeInput = {},
    results: readonly string[] = [`${name}/${label}`],
  ): readonly string[] => {
    nodes.push(standardNode(opType, inputs, results, attributes, `${name}/${label}`));
    return results;
  };
  const ints = (elements: readonly number[]): string =>
    addConstant(graph, `by-heads/${elements}`, tensorFrom('int64', [elements.length], elements));
  const ofHeads = Array.from({ length: heads }, (_, head) => `${name}/head${head}`);
  const [thirds] = op('thirds', 'Reshape', [packed, ints([0, 3, heads, channels, tokens])]);
  op('heads', 'Split', [thirds!, ints(ofHeads.map(() => 1))], { axis: 2 }, ofHeads);
  const swap = { perm: [0, 1, 3, 2] };
  const mixed = ofHeads.map((whole, head) => {
    const label = (part: string) => `head${head}/${part}`;
    const [flat] = op(label('flat'), 'Reshape', [whole, ints([0, 3, channels, tokens])]);
    const parts = [0, 1, 2].map((third) => `${name}/${label(`third${third}`)}`);
    op(label('split'), 'Split', [flat!, ints([1, 1, 1])], { axis: 1 }, parts);
    const [query, key, value] = roles.map((role) => parts[role]!) as [string, string, string];
    const [rows] = op(label('query'), 'Transpose', [query], swap);
    const [scores] = op(label('scores'), 'MatMul', [rows!, key]);
    const [weights] = op(label('weights'), 'Softmax', [scores!], { axis: -1 });
    const [columns] = op(label('columns'), 'Transpose', [weights!], swap);
    return op(label('mixed'), 'MatMul', [value, columns!])[0]!;
  });
  op('joined', 'Concat', mixed, { axis: 1 }, outputs);
  return nodes;
}
