import type { Graph, Value } from '../graph/graph.ts';
import { classifierHead } from './classifier-head.ts';
import { downsamplingPath } from './downsampling-path.ts';
import type { EncoderOptions } from './options.ts';
import type { Scope } from './scope.ts';
import { timestepEmbedding } from './timestep-embedding.ts';

/** A noisy classifier: `x` `[N, C, H, W]` and `timestep` `[N]` to `logits` `[N, K]`. */
export function encoder(scope: Scope, options: EncoderOptions): Graph {
  const { graph } = scope;
  const { in_channels, image_size, model_channels } = options;
  const x = graph.input('x', 'float32', ['N', in_channels, image_size, image_size]);
  const timestep = graph.input('timestep', 'float32', ['N']);
  const embedding = timestepEmbedding(scope, timestep, model_channels);
  const torso = downsamplingPath(scope, x, embedding, options, in_channels);
  const wide = (value: Value): Value => graph.cast(value, 'float32');
  const path = { ...torso, blocks: torso.blocks.map(wide), middle: wide(torso.middle) };
  graph.output(
    scope.within('out', (out) => classifierHead(out, path, options)),
    'logits',
  );
  return graph.build();
}
