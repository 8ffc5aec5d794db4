import type { Value } from '../graph/graph.ts';
import { attention } from './attention.ts';
import { orderQueryKeyValue, reshapeWeight, sliceColumns, sliceRows } from './folded-weights.ts';
import { affine } from './layers.ts';
import type { Scope } from './scope.ts';

/**
 * Pools pixels by attention (CLIP's pool): a first token, the mean of the pixels, attends to itself and to all
 * pixels, each with a learned position. Only that token's answer is computed.
 *
 * @param x `[N, C, H, W]`
 * @param heads their q, k, v are in the new order
 * @returns `[N, to]`
 */
export function attentionPool(scope: Scope, x: Value, { heads, to }: { heads: number; to: number }): Value {
  const { graph } = scope;
  const [, channels, height, width] = x.shape as [string, number, number, number];
  const count = height * width + 1;
  const pixels = graph.op('Reshape', [x, graph.ints([0, channels, height * width])]);
  const mean = graph.reduce('ReduceMean', pixels, [2]);
  const positions = scope.take('positional_embedding', [channels, count]);
  const placed = (tokens: Value, name: string, from: number, end: number): Value => {
    const part = sliceColumns(positions, from, end, [1, channels, end - from]);
    return graph.op('Add', [tokens, scope.constant(name, part)]);
  };
  const first = placed(mean, 'mean_position', 0, 1);
  const tokens = graph.op('Concat', [first, placed(pixels, 'pixel_positions', 1, count)], { axis: 2 });

  const weight = orderQueryKeyValue(scope.take('qkv_proj.weight', [3 * channels, channels, 1]), heads, 'new');
  const bias = orderQueryKeyValue(scope.take('qkv_proj.bias', [3 * channels]), heads, 'new');
  const firstRow = graph.op('Reshape', [first, graph.ints([0, channels])]);
  const queryWeight = reshapeWeight(sliceRows(weight, 0, channels), [channels, channels]);
  const query = affine(scope, 'query', firstRow, queryWeight, sliceRows(bias, 0, channels));
  const keyValue = graph.op(
    'Conv',
    [
      tokens,
      scope.constant('key_value.weight', sliceRows(weight, channels, 3 * channels)),
      scope.constant('key_value.bias', sliceRows(bias, channels, 3 * channels)),
    ],
    { kernel_shape: [1] },
  );
  const halves = graph.ints([channels, channels]);
  const [key, value] = graph.ops('Split', [keyValue, halves], { axis: 1 }, 2) as [Value, Value];
  const queryTokens = graph.op('Reshape', [query, graph.ints([0, channels, 1])]);
  const pooled = attention(scope, queryTokens, key, value, heads);
  const row = graph.op('Reshape', [pooled, graph.ints([0, channels])]);
  const outWeight = reshapeWeight(scope.take('c_proj.weight', [to, channels, 1]), [to, channels]);
  return affine(scope, 'c_proj', row, outWeight, scope.take('c_proj.bias', [to]));
}
