import type { Graph } from '../graph/graph.ts';
import type { SuperResolutionOptions } from './options.ts';
import { batchOf, bilinear } from './resample.ts';
import type { Scope } from './scope.ts';
import { imageInput, withUNet } from './unet.ts';

/** A U-Net's inputs and `low_res` `[N, C, h, w]`, which is enlarged to the image's size (bilinear) beside x. */
export function superResolution(scope: Scope, options: SuperResolutionOptions): Graph {
  const { graph } = scope;
  const { in_channels: channels, image_size: size } = options;
  const x = imageInput(scope, options);
  const lowRes = graph.input('low_res', 'float32', ['N', channels, 'h', 'w']);
  const enlarged = bilinear(scope, lowRes, batchOf(scope, x), [channels, size, size]);
  return withUNet(scope, options, graph.op('Concat', [x, enlarged], { axis: 1 }), 2 * channels);
}
