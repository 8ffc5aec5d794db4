import { describe, expect, it } from 'vitest';
import { type GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
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
