import { describe, expect, it } from 'vitest';
import { type GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { executionOrder } from '../../../src/onnx/graph/live-memory.ts';
import { groupNorm } from '../../../src/onnx/layers/group-norm.ts';
import { type Case, compare, gridValues, withGradient } from './finite-differences.ts';

const TOKENS = 5;
const CHANNELS = 3;

function matrix(g: GraphBuilder, like: Value, dims: readonly number[]): Value {
  const count = dims.reduce((product, size) => product * size, 1);
  return g.constantTensor(tensorFrom(like.dtype, dims, gridValues(count)));
}

const transposed = (g: GraphBuilder, x: Value): Value => g.op('Transpose', [x], { perm: [0, 2, 1] });

/** Self-attention over x [1, channels, tokens], channels first: v softmax(q^T k)^T. */
const channelsFirst: Case = {
  shape: [1, CHANNELS, TOKENS],
  build: (g, x) => {
    const [q, k, v] = [0.5, 1, 2].map((scale) => g.op('Mul', [x, g.constant(scale, x.dtype)]));
    const weights = g.op('Softmax', [g.op('MatMul', [transposed(g, q!), k!])], { axis: -1 });
    return g.op('MatMul', [v!, transposed(g, weights)]);
  },
};

/** The same with tokens first: softmax(q k^T) v. */
const tokensFirst: Case = {
  shape: [1, TOKENS, CHANNELS],
  build: (g, x) => {
    const [q, k, v] = [0.5, 1, 2].map((scale) => g.op('Mul', [x, g.constant(scale, x.dtype)]));
    const weights = g.op('Softmax', [g.op('MatMul', [q!, transposed(g, k!)])], { axis: -1 });
    return g.op('MatMul', [weights, v!]);
  },
};

describe('attention', () => {
  it.each([
    ['channels first', channelsFirst],
    ['tokens first', tokensFirst],
  ])('%s has the right gradient', async (_, test) => {
    expect((await compare(test)).error).toBeLessThanOrEqual(1);
  });

  it.each([
    ['channels first', channelsFirst],
    ['tokens first', tokensFirst],
  ])('%s sums over channels, and transposes no result of a product', (_, test) => {
    const { nodes, values } = withGradient(test, 'float32').graph;
    const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node.opType])));
    const transposedResults = nodes.filter(
      ({ opType, inputs }) => opType === 'Transpose' && producers.get(inputs[0]!) === 'MatMul',
    );
    expect(transposedResults).toEqual([]);
    const summed = nodes.filter(({ opType }) => opType === 'ReduceSum').map(({ inputs }) => inputs[0]!);
    expect(summed.map((name) => values.get(name)!.shape)).toEqual([test.shape]);
  });
});

const softmaxShapes = (test: Case) => {
  const { nodes, values } = withGradient(test, 'float32').graph;
  const softmaxes = nodes.filter(({ opType }) => opType === 'Softmax');
  return softmaxes.map(({ outputs }) => values.get(outputs[0]!)!.shape);
};

describe('what is computed again', () => {
  /** Two layers of attention over many tokens: x [2, heads, 2, 16] with 256 weights for each head. */
  const longAttention = (heads: number): Case => ({
    shape: [2, heads, 2, 16],
    build: (g, x) => {
      const swapped = (matrix: Value) => g.op('Transpose', [matrix], { perm: [0, 1, 3, 2] });
      const layer = (input: Value): Value => {
        const [v, k, q] = [2, 1, 0.5].map((scale) => g.op('Mul', [input, g.constant(scale, x.dtype)]));
        const weights = g.op('Softmax', [g.op('MatMul', [swapped(q!), k!])], { axis: -1 });
        return g.op('MatMul', [v!, swapped(weights)]);
      };
      return layer(layer(x));
    },
  });
  const normSilu: Case = {
    shape: [2, 6, 1, 2],
    build: (g, x) => {
      const [scale, shift] = [1, 2].map((seed) =>
        g.constantTensor(
          tensorFrom(
            x.dtype,
            [2, 6, 1, 1],
            gridValues(12).map((value) => seed + value),
          ),
        ),
      );
      const z = groupNorm(g, x, scale!, shift!, { groups: 3, epsilon: 0.1 });
      return g.op('Mul', [z, g.op('Sigmoid', [z])]);
    },
  };

  it.each([
    ['large attention weights', longAttention(2)],
    ['SiLU after a group normalisation', normSilu],
  ])('%s have the right gradient', async (_, test) => {
    expect((await compare(test)).error).toBeLessThanOrEqual(1);
  });

  it('attention weights, but the last ones', () => {
    // In another shape, so that engines do not merge it with the first.
    expect(softmaxShapes(longAttention(1))).toEqual([
      [2, 1, 16, 16],
      [2, 1, 16, 16],
      [2, 16, 16],
    ]);
  });

  it('attention weights, in a run no sooner than the gradient that meets them', () => {
    const order = executionOrder(withGradient(longAttention(2), 'float32').graph.nodes);
    const isBackward = (name: string) => name.startsWith('gradient/');
    const again = order.findIndex(({ name, opType }) => opType === 'Softmax' && isBackward(name));
    const lastLayer = order.filter(({ name, opType }) => opType === 'ReduceSum' && isBackward(name))[0]!;
    // D of the last layer; that of the first comes with its own weights.
    expect(order.indexOf(lastLayer)).toBeLessThan(again);
  });

  it('is in the graph before the gradient that it meets, and so after it in a run', () => {
    const { nodes } = withGradient(normSilu, 'float32').graph;
    const at = (opType: string) => nodes.findLastIndex((node) => node.opType === opType);
    expect(nodes.filter(({ opType }) => opType === 'Sigmoid')).toHaveLength(2);
    expect(at('Sigmoid')).toBeLessThan(at('ReduceMean'));
  });
});

describe('products with a transposed matrix', () => {
  const cases: readonly [string, Case][] = [
    [
      'on the left',
      { shape: [2, 3, 4], build: (g, x) => g.op('MatMul', [transposed(g, x), matrix(g, x, [2, 3, 5])]) },
    ],
    [
      'on the right',
      { shape: [2, 4, 3], build: (g, x) => g.op('MatMul', [matrix(g, x, [2, 5, 3]), transposed(g, x)]) },
    ],
    [
      'that is broadcast',
      { shape: [1, 3, 4], build: (g, x) => g.op('MatMul', [transposed(g, x), matrix(g, x, [2, 3, 5])]) },
    ],
    [
      'on both sides',
      {
        shape: [2, 3, 3],
        build: (g, x) => g.op('MatMul', [transposed(g, x), transposed(g, g.op('Exp', [x]))]),
      },
    ],
  ];
  it.each(cases)('%s have the right gradient', async (_, test) => {
    expect((await compare(test)).error).toBeLessThanOrEqual(1);
  });
});
