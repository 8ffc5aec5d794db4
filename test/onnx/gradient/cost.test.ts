/** What the gradient of the released classifiers costs, as far as their graphs say. */
import { describe, expect, it } from 'vitest';
import { buildModel, stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { loadRecipe } from '../../../src/onnx/convert/recipe.ts';
import { buildGradientGraph } from '../../../src/onnx/gradient/gradient-graph.ts';
import type { Graph, GraphNode } from '../../../src/onnx/graph/index.ts';
import { liveMemory } from '../../../src/onnx/graph/live-memory.ts';
import { inferShapes } from '../../../src/onnx/shapes/infer.ts';

async function graphsOf(preset: string): Promise<{ forward: Graph; gradient: Graph }> {
  const options = (await loadRecipe(preset)).architecture.classifier!;
  const read = () => {
    throw new Error('these graphs are built without weights');
  };
  const tensors = new Map([...stateDictOf(options)].map(([name, shape]) => [name, { shape, read }]));
  const forward = buildModel({ tensors }, options);
  const names = { image: 'x', timestep: 'timestep', logits: 'logits' };
  return { forward: inferShapes(forward), gradient: inferShapes(buildGradientGraph(forward, names)) };
}

const PRESETS = ['mnist-32', 'imagenet-64', 'imagenet-128', 'imagenet-256', 'imagenet-512'];
const graphs = new Map(
  await Promise.all(PRESETS.map(async (preset) => [preset, await graphsOf(preset)] as const)),
);

const count = ({ nodes }: Graph, opType: string): number =>
  nodes.filter((node) => node.opType === opType).length;

/** A product that is a sum: of a row with a column, or of ones with a matrix. */
function isSum({ values, initializers }: Graph, { opType, inputs, outputs }: GraphNode): boolean {
  const [rows, columns] = values.get(outputs[0]!)!.shape.slice(-2);
  return opType === 'MatMul' && rows === 1 && (columns === 1 || initializers.has(inputs[0]!));
}

/** Nodes of an operator; one for a single head of several is so much less. Weights that are computed again have no axis of heads. */
function inAll(graph: Graph, forward: Graph, opType: string): number {
  const shapesIn = (within: Graph) =>
    within.nodes
      .filter((node) => node.opType === opType && !isSum(within, node))
      .map(({ outputs }) => within.values.get(outputs[0]!)!.shape.slice(1).map(Number))
      .map((shape) => (shape.length === 2 ? [1, ...shape] : shape));
  const tokens = (matrix: readonly number[]) => Math.max(...matrix);
  const heads = new Map(shapesIn(forward).map(([count, ...matrix]) => [tokens(matrix), count!]));
  return shapesIn(graph).reduce(
    (sum, [count, ...matrix]) => sum + count! / (heads.get(tokens(matrix)) ?? count!),
    0,
  );
}

/** Values that depend on constants only: an engine computes them once, when it loads the graph. */
function constantsOf({ nodes, initializers }: Graph): ReadonlySet<string> {
  const constants = new Set(initializers.keys());
  for (const { inputs, outputs } of nodes) {
    if (inputs.every((name) => name === '' || constants.has(name)))
      for (const name of outputs) constants.add(name);
  }
  return constants;
}

describe.each(PRESETS)('the gradient of the %s classifier', (preset) => {
  const { forward, gradient } = graphs.get(preset)!;
  const backward = gradient.nodes.slice(gradient.nodes.findIndex(({ name }) => name.startsWith('gradient/')));

  it('turns each convolution into one by weights that are prepared once; that of the image alone is transposed', () => {
    const constants = constantsOf(gradient);
    const convolutions = gradient.nodes.filter(({ opType }) => opType === 'Conv');
    expect(convolutions.every(({ inputs }) => constants.has(inputs[1]!))).toBe(true);
    expect(convolutions.length).toBe(2 * count(forward, 'Conv') - 1);
    expect(count(gradient, 'ConvTranspose')).toBe(1);
  });

  it('has no transposition that is not of a constant or a flag of a matrix product', () => {
    const constants = constantsOf(gradient);
    const readers = (name: string): GraphNode[] =>
      gradient.nodes.filter(({ inputs }) => inputs.includes(name));
    const left = gradient.nodes.filter(
      ({ opType, inputs, outputs }) =>
        opType === 'Transpose' &&
        !constants.has(inputs[0]!) &&
        !readers(outputs[0]!).every((reader) => reader.opType === 'MatMul'),
    );
    expect(left).toEqual([]);
  });

  it('has no node twice, and none that nothing reads', () => {
    const spelled = gradient.nodes.map(({ opType, inputs, attributes }) =>
      JSON.stringify([opType, inputs, attributes]),
    );
    expect(new Set(spelled).size).toBe(spelled.length);
    const read = new Set([
      ...gradient.nodes.flatMap(({ inputs }) => inputs),
      ...gradient.outputs.map(({ name }) => name),
    ]);
    expect(gradient.nodes.filter(({ outputs }) => !outputs.some((name) => read.has(name)))).toEqual([]);
  });

  it('has four products for each two of the forward pass, and computes again only the large attention weights', () => {
    const large = forward.nodes
      .filter(({ opType }) => opType === 'Softmax')
      .map(({ outputs }) => forward.values.get(outputs[0]!)!.shape)
      .filter((shape) => shape[2] === 1024);
    // All but the last head of the last layer.
    const again = large.length === 0 ? 0 : large.length - 1 / Number(large[0]![1]);
    const products = inAll(gradient, forward, 'MatMul');
    expect(products).toBeCloseTo(3 * count(forward, 'MatMul') + again);
    expect(inAll(gradient, forward, 'Softmax')).toBeCloseTo(count(forward, 'Softmax') + again);
  });

  it('computes SiLU from the normalised groups again instead of keeping its input or its gate', () => {
    const afterNorms = forward.nodes.filter(({ opType, name }) => opType === 'Sigmoid' && name.includes('/'));
    const large = afterNorms.filter(({ inputs }) => forward.values.get(inputs[0]!)!.shape.length === 4);
    const kept = large.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
    expect(large.length).toBeGreaterThan(0);
    expect(backward.filter(({ inputs }) => inputs.some((name) => kept.includes(name)))).toEqual([]);
  });
});

/** Weights and activations together, as a process holds them. */
const total = (graph: Graph, batch: number): number => {
  const { activations, constants } = liveMemory(graph, batch);
  return activations + constants;
};

it.each([
  ['mnist-32', 1],
  ['mnist-32', 8],
  ['imagenet-64', 1],
  ['imagenet-64', 8],
  ['imagenet-128', 1],
  ['imagenet-256', 1],
  ['imagenet-512', 1],
])(
  'the gradient of the %s classifier needs at most 2.5 times the memory of its forward pass, batch %i',
  (preset, batch) => {
    const { forward, gradient } = graphs.get(preset)!;
    expect(total(gradient, batch) / total(forward, batch)).toBeLessThanOrEqual(2.5);
  },
);

it('most memory is in use where the backward pass begins, not in the middle of attention', () => {
  const { gradient } = graphs.get('imagenet-64')!;
  expect(liveMemory(gradient, 8).peakAt).toMatch(/^gradient\/out\//);
});
