import type { Graph, Value } from '../graph/graph.ts';
import { downsamplingPath } from './downsampling-path.ts';
import { convolution, groupNorm, silu } from './layers.ts';
import { levelChannels, type SuperResolutionOptions, type UNetOptions } from './options.ts';
import type { Scope } from './scope.ts';
import { timestepEmbedding } from './timestep-embedding.ts';
import { upsamplingPath } from './upsampling-path.ts';

/** `x` `[N, C, H, W]`, `timestep` `[N]` and, if class-conditional, `label` `[N]` int32, to `output`. */
export function unet(scope: Scope, options: UNetOptions): Graph {
  const x = imageInput(scope, options);
  return withUNet(scope, options, x, options.in_channels);
}

export function imageInput(scope: Scope, options: UNetOptions | SuperResolutionOptions): Value {
  const { in_channels, image_size } = options;
  return scope.graph.input('x', 'float32', ['N', in_channels, image_size, image_size]);
}

/** The network over an image that has been prepared, `[N, from, H, W]`. */
export function withUNet(
  scope: Scope,
  options: UNetOptions | SuperResolutionOptions,
  image: Value,
  from: number,
): Graph {
  const { graph } = scope;
  const timestep = graph.input('timestep', 'float32', ['N']);
  const conditioning =
    options.num_classes === undefined
      ? undefined
      : { label: graph.input('label', 'int32', ['N']), classes: options.num_classes };
  const embedding = timestepEmbedding(scope, timestep, options.model_channels, conditioning);
  const path = downsamplingPath(scope, image, embedding, options, from);
  const h = graph.cast(upsamplingPath(scope, path, embedding, options), 'float32');
  const activated = silu(scope, groupNorm(scope, 'out.0', h));
  const head = { from: levelChannels(options, 0), to: options.out_channels, kernel: 3 } as const;
  graph.output(convolution(scope, 'out.2', activated, head), 'output');
  return graph.build();
}
