/** Rewrites the nodes in which an exporter wrote a batch size down, so that they follow whatever it is. */
import { type Dim, divideDims, isStatic, type Shape } from '../graph/dim.ts';
import type { Graph, GraphNode } from '../graph/index.ts';
import { addConstant, standardNode } from '../graph/rewrite.ts';
import { elementCount, lazyTensor, tensorFrom } from '../graph/tensor.ts';

/** A batch size that was written down, and the symbol that takes its place. */
export interface FreedBatch {
  readonly symbol: string;
  /** What it was when the graph was exported. */
  readonly size: number;
}

/**
 * What takes the place of a node: the node itself, where it doesn't name the batch size or can't do without it.
 *
 * @param graph the graph as it is so far, with the types of the node's inputs; constants are added to it
 */
export function keepBatch(node: GraphNode, graph: Graph, batch: FreedBatch): readonly GraphNode[] {
  if (node.domain !== '') return [node];
  switch (node.opType) {
    case 'Reshape':
      return [keepInReshape(node, graph, batch)];
    case 'Expand':
      return [keepOne(node, graph, batch)];
    case 'Concat':
      return keepInConcat(node, graph, batch);
    case 'Resize':
      return keepInSizes(node, graph, batch);
    default:
      return [node];
  }
}

function typeOfInput(graph: Graph, node: GraphNode, index: number) {
  return graph.values.get(node.inputs[index] ?? '');
}

function addInts(graph: Graph, name: string, elements: readonly number[]): string {
  return addConstant(graph, name, tensorFrom('int64', [elements.length], elements));
}

/** Reshape to constant sizes: the size that the batch is part of becomes -1. */
function keepInReshape(node: GraphNode, graph: Graph, batch: FreedBatch): GraphNode {
  const [data, target] = [typeOfInput(graph, node, 0), typeOfInput(graph, node, 1)?.elements];
  if (data === undefined || !target?.every((size) => typeof size === 'number')) return node;
  const zeroIsZero = node.attributes.allowzero?.value === 1;
  const followed = withOpenBatch(data.shape, target, zeroIsZero, batch);
  const copied = data.shape[0] === batch.symbol && target[0] === batch.size ? target.with(0, 0) : undefined;
  const sizes = followed ?? (zeroIsZero ? undefined : copied);
  if (sizes === undefined) return node;
  const { allowzero: _, ...attributes } = node.attributes;
  const name = addInts(graph, `${node.name}/any_batch`, sizes);
  return { ...node, inputs: [node.inputs[0]!, name], attributes };
}

/** `undefined` where the shape has other open sizes, or the batch no certain place. */
function withOpenBatch(
  shape: Shape,
  target: readonly number[],
  zeroIsZero: boolean,
  batch: FreedBatch,
): readonly number[] | undefined {
  const axis = batchAxis(shape, batch);
  const before = axis === undefined ? undefined : asExported(shape, batch);
  if (axis === undefined || before === undefined) return undefined;
  const sizes = resolved(target, before, zeroIsZero);
  const at = sizes && batchInTarget({ axis, before, sizes }, batch);
  return at === undefined ? undefined : sizes!.with(at, -1);
}

/** The one axis whose size is the batch, or a multiple of it. */
function batchAxis(shape: Shape, { symbol }: FreedBatch): number | undefined {
  const [axis, ...others] = shape.flatMap((size, at) => (typeof size === 'string' ? [at] : []));
  const follows = axis !== undefined && typeof divideDims(shape[axis]!, symbol) === 'number';
  return follows && others.length === 0 ? axis : undefined;
}

/** The sizes when the graph was exported. */
function asExported(shape: Shape, { symbol, size }: FreedBatch): readonly number[] | undefined {
  const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : divideDims(dim, symbol)));
  if (!sizes.every((dim): dim is number => typeof dim === 'number')) return undefined;
  return sizes.map((dim, at) => (typeof shape[at] === 'string' ? dim * size : dim));
}

/** A target without 0 and -1. */
function resolved(
  target: readonly number[],
  before: readonly number[],
  zeroIsZero: boolean,
): readonly number[] | undefined {
  const copied = target.map((size, at) => (size === 0 && !zeroIsZero ? (before[at] ?? 0) : size));
  const rest = elementCount(copied.filter((size) => size !== -1));
  const total = elementCount(before);
  const sizes = copied.map((size) => (size === -1 ? total / rest : size));
  return sizes.every((size) => Number.isInteger(size) && size > 0) && elementCount(sizes) === total
    ? sizes
    : undefined;
}

interface Reshaping {
  readonly axis: number;
  readonly before: readonly number[];
  readonly sizes: readonly number[];
}

/**
 * Where the batch goes is where images lie as many elements apart as before. Inside an axis of several things per
 * image, they come first (windows of an image) or last (images at a place of a sequence). Between two axes that are
 * both larger, the batch joins the first one if axes are merged, and the second one if they are parted.
 */
function batchInTarget({ axis, before, sizes }: Reshaping, { size }: FreedBatch): number | undefined {
  const after = elementCount(before.slice(axis + 1));
  const distances = [(after * before[axis]!) / size, after];
  const behind = sizes.map((_, at) => elementCount(sizes.slice(at + 1)));
  for (const distance of distances) {
    const own = sizes.findIndex((dim, at) => dim === size && behind[at] === distance);
    if (own >= 0) return own;
  }
  const [outermost] = distances as [number, number];
  if (outermost * size === elementCount(sizes)) return 0;
  if (size > 1) return insideAxis(sizes, behind, distances, size);
  const first = behind.indexOf(outermost);
  if (first < 0) return undefined;
  return sizes.length < before.length ? first : first + 1;
}

/** The axis that several images and other things are joined in, with the images first or last. */
function insideAxis(
  sizes: readonly number[],
  behind: readonly number[],
  distances: readonly number[],
  size: number,
): number | undefined {
  const joined = (at: number) => sizes[at]! % size === 0;
  const places = [...sizes.keys()].filter(
    (at) => joined(at) && [behind[at]!, (behind[at]! * sizes[at]!) / size].some((d) => distances.includes(d)),
  );
  return places.length === 1 ? places[0] : undefined;
}

/** Expand of what there is one of (a class token) to constant sizes: one is kept, for a Concat to repeat. */
function keepOne(node: GraphNode, graph: Graph, { size }: FreedBatch): GraphNode {
  const [data, target] = [typeOfInput(graph, node, 0)?.shape, typeOfInput(graph, node, 1)?.elements];
  if (data === undefined || !target?.every((dim) => typeof dim === 'number')) return node;
  const single = data[0] === 1 && data.length === target.length && target[0] === size;
  if (size === 1 || !single || !isStatic(data)) return node;
  const name = addInts(graph, `${node.name}/one`, target.with(0, 1));
  return { ...node, inputs: [node.inputs[0]!, name] };
}

/** The name of the first row of a constant whose rows, one for each image, are all the same; else its own. */
function firstOfEqual(name: string, graph: Graph, { size }: FreedBatch): string {
  const constant = graph.initializers.get(name);
  if (constant === undefined || size === 1 || constant.dims[0] !== size) return name;
  const bytes = constant.bytes();
  const length = bytes.length / size;
  const row = bytes.slice(0, length);
  const equal = Array.from({ length: size }, (_, index) => index * length).every(
    (start) => Buffer.compare(row, bytes.subarray(start, start + length)) === 0,
  );
  if (!equal) return name;
  const shape = [1, ...constant.dims.slice(1)];
  return addConstant(
    graph,
    `${name}/one`,
    lazyTensor(constant.dtype, shape, () => row),
  );
}

/** Concat with what there is one of (a class token): it is repeated for each image. */
function keepInConcat(original: GraphNode, graph: Graph, batch: FreedBatch): readonly GraphNode[] {
  const { symbol } = batch;
  const shapesOf = (node: GraphNode) => node.inputs.map((_, index) => typeOfInput(graph, node, index)?.shape);
  const given = shapesOf(original);
  const along = original.attributes.axis?.type === 'int' ? original.attributes.axis.value : 0;
  const rank = given[0]?.length ?? 0;
  const isBatch = (dim: Dim | undefined, at: number) => dim === symbol && at !== (along + rank) % rank;
  const leader = given.findIndex((shape) => shape?.some(isBatch));
  if (leader < 0) return [original];
  const axis = given[leader]!.findIndex(isBatch);
  const inputs = original.inputs.map((name) => (axis === 0 ? firstOfEqual(name, graph, batch) : name));
  const node = { ...original, inputs };
  const shapes = shapesOf(node);
  if (!shapes.some((shape) => shape?.[axis] === 1)) return [original];
  const sizes = sizesWithBatch(node, graph, {
    from: node.inputs[leader]!,
    axis,
    sizes: shapes[leader]!.map(() => 1),
  });
  const expanded = shapes.map((shape, index) =>
    shape?.[axis] === 1 ? `${node.name}/for_each_image.${index}` : undefined,
  );
  const expands = expanded.flatMap((name, index) =>
    name === undefined ? [] : [standardNode('Expand', [node.inputs[index]!, sizes.name], [name])],
  );
  const joined = inputs.map((name, index) => expanded[index] ?? name);
  return [...sizes.nodes, ...expands, { ...node, inputs: joined }];
}

/** Resize to constant sizes. */
function keepInSizes(node: GraphNode, graph: Graph, { symbol, size }: FreedBatch): readonly GraphNode[] {
  const [data, sizes] = [typeOfInput(graph, node, 0), typeOfInput(graph, node, 3)?.elements];
  const named = data?.shape[0] === symbol && sizes?.[0] === size && node.attributes.axes === undefined;
  if (!named || !sizes.every((dim) => typeof dim === 'number')) return [node];
  const kept = sizesWithBatch(node, graph, { from: node.inputs[0]!, axis: 0, sizes });
  return [...kept.nodes, { ...node, inputs: [...node.inputs.slice(0, 3), kept.name] }];
}

/** Constant sizes, but for one axis whose size is that of another value. */
function sizesWithBatch(
  node: GraphNode,
  graph: Graph,
  { from, axis, sizes }: { from: string; axis: number; sizes: readonly number[] },
): { nodes: readonly GraphNode[]; name: string } {
  const named = (part: string) => `${node.name}/any_batch/${part}`;
  const place = addInts(graph, named('axis'), [axis]);
  const parts = [
    ...(axis > 0 ? [addInts(graph, named('before'), sizes.slice(0, axis))] : []),
    named('batch'),
    ...(axis + 1 < sizes.length ? [addInts(graph, named('after'), sizes.slice(axis + 1))] : []),
  ];
  const nodes = [
    standardNode('Shape', [from], [named('shape')]),
    standardNode('Gather', [named('shape'), place], [named('batch')], { axis: 0 }),
    standardNode('Concat', parts, [named('sizes')], { axis: 0 }),
  ];
  return { nodes, name: named('sizes') };
}
