import type { Value } from '../graph/graph.ts';
import type { Scope } from './scope.ts';

/**
 * Multi-head attention; the scale 1 / sqrt(channels per head) is expected in the queries already.
 *
 * Channels come before tokens, as convolutions leave them. The two transpositions are of the last two axes, next to
 * a matrix product, which engines read as flags of the product.
 *
 * @param query `[N, C, Q]`
 * @param key `[N, C, T]`
 * @param value `[N, C, T]`
 * @returns `[N, C, Q]`
 */
export function attention(scope: Scope, query: Value, key: Value, value: Value, heads: number): Value {
  const { graph } = scope;
  const channels = query.shape[1] as number;
  // Values first: their gradient then comes last in the backward pass, where engines that start from the end begin, so
  // that they compute the weights again before the gradient of the same size.
  const [v, k, q] = [value, key, query].map((tokens) =>
    graph.op('Reshape', [tokens, graph.ints([0, heads, channels / heads, tokens.shape[2] as number])]),
  );
  const transposed = (x: Value): Value => graph.op('Transpose', [x], { perm: [0, 1, 3, 2] });
  const scores = graph.op('MatMul', [transposed(q!), k]);
  const softmax = graph.op('Softmax', [graph.cast(scores, 'float32')], { axis: -1 });
  const weights = graph.cast(softmax, scores.dtype);
  const mixed = graph.op('MatMul', [v, transposed(weights)]);
  return graph.op('Reshape', [mixed, graph.ints([0, channels, query.shape[2] as number])]);
}
