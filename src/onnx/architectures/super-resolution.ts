import type { Graph } from '../graph/graph.ts';
import type { SuperResolutionOptions } from './options.ts';
import type { Scope } from './scope.ts';
import { imageInput, withUNet } from './unet.ts';

/** A U-Net's inputs and `low_res` `[N, C, h, w]`, which is enlarged to the image's size (bilinear) beside x. */
export function superResolution(scope: Scope, options: SuperResolutionOptions): Graph {
  const { graph } = scope;
  const { in_channels: channels, image_size: size } = options;
  const x = imageInput(scope, options);
  const lowRes = graph.input('low_res', 'float32', ['N', channels, 'h', 'w']);
  const batch = graph.op('Slice', [
    graph.op('Shape', [x]),
    graph.ints([0]),
    graph.ints([1]),
    graph.ints([0]),
  ]);
  const target = graph.op('Concat', [batch, graph.ints([channels, size, size])], { axis: 0 });
  const enlarged = graph.op('Resize', [lowRes, undefined, undefined, target], {
    mode: 'linear',
    coordinate_transformation_mode: 'pytorch_half_pixel',
  });
  return withUNet(scope, options, graph.op('Concat', [x, enlarged], { axis: 1 }), 2 * channels);
}
