/** How an encoder's features become logits: the reference's four pools. */
import type { Value } from '../graph/graph.ts';
import { attentionPool } from './attention-pool.ts';
import { channelsOf, type DownsamplingPath } from './downsampling-path.ts';
import { reshapeWeight } from './folded-weights.ts';
import { affine, groupNorm, linear, silu } from './layers.ts';
import { type EncoderOptions, headCount } from './options.ts';
import type { Scope } from './scope.ts';

type Head = (scope: Scope, path: DownsamplingPath, options: EncoderOptions) => Value;

/** Width of the hidden layer of the spatial pools. */
const HIDDEN = 2048;

const HEADS: Readonly<Record<EncoderOptions['pool'], Head>> = {
  adaptive: (scope, { middle }, { out_channels }) => {
    const pooled = spatialMean(scope, silu(scope, groupNorm(scope, '0', middle)));
    const channels = channelsOf(middle);
    const weight = reshapeWeight(scope.take('3.weight', [out_channels, channels, 1, 1]), [
      out_channels,
      channels,
    ]);
    return affine(scope, '3', pooled, weight, scope.take('3.bias', [out_channels]));
  },
  attention: (scope, { middle }, options) => {
    if (options.num_head_channels === undefined) {
      throw new Error('the attention pool needs num_head_channels');
    }
    const heads = headCount(options, channelsOf(middle));
    const activated = silu(scope, groupNorm(scope, '0', middle));
    return scope.within('2', (pool) => attentionPool(pool, activated, { heads, to: options.out_channels }));
  },
  spatial: (scope, path, { out_channels }) => {
    const features = blockMeans(scope, path);
    const hidden = linear(scope, '0', features, channelsOf(features), HIDDEN);
    return linear(scope, '2', scope.graph.op('Relu', [hidden]), HIDDEN, out_channels);
  },
  spatial_v2: (scope, path, { out_channels }) => {
    const features = blockMeans(scope, path);
    const hidden = linear(scope, '0', features, channelsOf(features), HIDDEN);
    return linear(scope, '3', silu(scope, groupNorm(scope, '1', hidden)), HIDDEN, out_channels);
  },
};

/** Logits `[N, K]`. */
export function classifierHead(scope: Scope, path: DownsamplingPath, options: EncoderOptions): Value {
  return HEADS[options.pool](scope, path, options);
}

/** `[N, C, H, W]` to `[N, C]`. */
function spatialMean(scope: Scope, x: Value): Value {
  return scope.graph.reduce('ReduceMean', x, [2, 3], false);
}

/** The mean of every block's answer, side by side: `[N, sum of channels]`. */
function blockMeans(scope: Scope, { blocks, middle }: DownsamplingPath): Value {
  const means = [...blocks, middle].map((block) => spatialMean(scope, block));
  return scope.graph.op('Concat', means, { axis: 1 });
}
