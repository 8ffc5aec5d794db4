import { describe, expect, it } from 'vitest';
import { attentionByHeads } from '../../../src/onnx/gradient/attention-by-heads.ts';
import { type Graph, GraphBuilder, type Value } from '../../../src/onnx/graph/index.ts';
import { executionOrder } from '../../../src/onnx/graph/live-memory.ts';
import { inferShapes } from '../../../src/onnx/shapes/infer.ts';
import { type Case, compare, withGradient } from './finite-differences.ts';

interface Layout {
  readonly tokens: number;
  readonly heads: number;
  /** Which third of the channels is the query, the key, the value. */
  readonly roles?: readonly [number, number, number];
  /** Something between the thirds and the heads. */
  readonly between?: (g: GraphBuilder, x: Value) => Value;
}

const CHANNELS = 2;

/** v softmax(q^T k)^T over heads of two channels. x [N, 3 * heads * 2, tokens] has the three one after the other. */
function attend(g: GraphBuilder, x: Value, { tokens, heads, roles = [0, 1, 2], between }: Layout): Value {
  const third = heads * CHANNELS;
  const thirds = g.ops('Split', [x, g.ints([third, third, third])], { axis: 1 }, 3);
  const [q, k, v] = roles
    .map((role) => (between ? between(g, thirds[role]!) : thirds[role]!))
    .map((part) => g.op('Reshape', [part, g.ints([0, heads, CHANNELS, tokens])])) as [Value, Value, Value];
  const swapped = (matrix: Value) => g.op('Transpose', [matrix], { perm: [0, 1, 3, 2] });
  const weights = g.op('Softmax', [g.op('MatMul', [swapped(q), k])], { axis: -1 });
  const mixed = g.op('MatMul', [v, swapped(weights)]);
  return g.op('Reshape', [mixed, g.ints([0, third, tokens])]);
}

function graphOf(layout: Layout): Graph {
  const g = new GraphBuilder({ name: 'attention' });
  const x = g.input('x', 'float32', ['N', 3 * layout.heads * CHANNELS, layout.tokens]);
  g.output(attend(g, x, layout), 'y');
  return inferShapes(g.build());
}

const softmaxes = ({ nodes, values }: Graph) =>
  nodes.filter(({ opType }) => opType === 'Softmax').map(({ outputs }) => values.get(outputs[0]!)!.shape);

const small = (layout: Omit<Layout, 'tokens'>): Case => ({
  shape: [2, 3 * layout.heads * CHANNELS, 3],
  build: (g, x) => attend(g, x, { ...layout, tokens: 3 }),
  rewrite: (typed) => attentionByHeads(typed, 9),
});

describe('attention head by head', () => {
  it.each<[string, Omit<Layout, 'tokens'>]>([
    ['two heads', { heads: 2 }],
    ['three heads', { heads: 3 }],
    ['the value first and the query last', { heads: 2, roles: [2, 1, 0] }],
  ])('has the right gradient: %s', async (_, layout) => {
    const test = small(layout);
    expect(softmaxes(withGradient(test, 'float64').graph).slice(0, layout.heads)).toEqual(
      Array.from({ length: layout.heads }, () => [2, 1, 3, 3]),
    );
    expect((await compare(test)).error).toBeLessThanOrEqual(1);
  });

  it('is for weights of a head that leave the cache', () => {
    const large = attentionByHeads(graphOf({ tokens: 512, heads: 3 }));
    expect(softmaxes(large)).toEqual([1, 2, 3].map(() => ['N', 1, 512, 512]));
    const graph = graphOf({ tokens: 256, heads: 3 });
    expect(attentionByHeads(graph)).toBe(graph);
  });

  it.each<[string, Layout]>([
    ['one head', { tokens: 512, heads: 1 }],
    [
      'a query that is more than a part of the whole',
      { tokens: 512, heads: 2, between: (g, x) => g.op('Neg', [x]) },
    ],
    ['queries that are the keys', { tokens: 512, heads: 2, roles: [1, 1, 2] }],
  ])('leaves other attention as it is: %s', (_, layout) => {
    const graph = graphOf(layout);
    expect(attentionByHeads(graph)).toBe(graph);
  });

  it('is done with a head before the next, in the backward pass too', () => {
    const order = executionOrder(withGradient(small({ heads: 3 }), 'float32').graph.nodes);
    const headOf = (name: string) => /head(\d)/.exec(name)?.[1];
    const products = order.filter(({ opType }) => opType === 'MatMul').map(({ name }) => headOf(name));
    const runs = products.filter((head, i) => head !== products[i - 1]);
    expect(runs.toSorted()).toEqual(['0', '1', '2']);
  });
});
