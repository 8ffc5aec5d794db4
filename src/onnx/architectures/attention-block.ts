import type { Value } from '../graph/graph.ts';
import { attention } from './attention.ts';
import { type AttentionOrder, orderQueryKeyValue, reshapeWeight } from './folded-weights.ts';
import { addResidual, groupNorm } from './layers.ts';
import type { Scope } from './scope.ts';

/**
 * Self-attention over the pixels, added to the input.
 *
 * @param x `[N, C, H, W]`
 * @returns the same shape
 */
export function attentionBlock(
  scope: Scope,
  x: Value,
  { heads, order, rescale }: { heads: number; order: AttentionOrder; rescale: boolean },
): Value {
  const { graph } = scope;
  const [, channels, height, width] = x.shape as [string, number, number, number];
  const tokens = height * width;
  const pointwise = (input: Value, name: string, to: number, prepared: 'ordered' | 'plain'): Value => {
    const weight = scope.take(`${name}.weight`, [to, channels, 1]);
    const bias = scope.take(`${name}.bias`, [to]);
    const [w, b] = [weight, bias].map((part) =>
      prepared === 'ordered' ? orderQueryKeyValue(part, heads, order) : part,
    );
    const constants = [
      scope.constant(`${name}.weight`, reshapeWeight(w!, [to, channels, 1, 1]), input.dtype),
      scope.constant(`${name}.bias`, b!, input.dtype),
    ];
    return graph.op('Conv', [input, ...constants], { kernel_shape: [1, 1] });
  };
  const projected = pointwise(groupNorm(scope, 'norm', x), 'qkv', 3 * channels, 'ordered');
  const flat = graph.op('Reshape', [projected, graph.ints([0, 3 * channels, tokens])]);
  const thirds = graph.ints([channels, channels, channels]);
  const [query, key, value] = graph.ops('Split', [flat, thirds], { axis: 1 }, 3) as [Value, Value, Value];
  const mixed = attention(scope, query, key, value, heads);
  const pixels = graph.op('Reshape', [mixed, graph.ints([0, channels, height, width])]);
  return addResidual(scope, x, pointwise(pixels, 'proj_out', channels, 'plain'), rescale);
}
