import type { Value } from '../graph/graph.ts';
import { convolution } from './layers.ts';
import type { Scope } from './scope.ts';
import { upsampledConvolution } from './upsampled-convolution.ts';

/** Averages 2x2 pixels: `[N, C, H, W]` to `[N, C, H/2, W/2]`. */
export function averageDown(scope: Scope, x: Value): Value {
  return scope.graph.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
}

/** Repeats every pixel: `[N, C, H, W]` to `[N, C, 2H, 2W]`. */
export function nearestUp(scope: Scope, x: Value): Value {
  const { graph } = scope;
  return graph.op('Resize', [x, undefined, graph.constant([1, 1, 2, 2])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

/** The batch size of x at run time, as a vector of one. */
export function batchOf({ graph }: Scope, x: Value): Value {
  return graph.op('Slice', [graph.op('Shape', [x]), graph.ints([0]), graph.ints([1]), graph.ints([0])]);
}

/**
 * Interpolates between the four nearest pixels, whose centres lie at half steps: `[N, C, h, w]` to `[N, C, H, W]`.
 *
 * @param batch N, as a vector of one
 * @param size C, H, W
 */
export function bilinear(
  { graph }: Scope,
  x: Value,
  batch: Value,
  size: readonly [channels: number, height: number, width: number],
): Value {
  const target = graph.op('Concat', [batch, graph.ints(size)], { axis: 0 });
  return graph.op('Resize', [x, undefined, undefined, target], {
    mode: 'linear',
    coordinate_transformation_mode: 'pytorch_half_pixel',
  });
}

/** Halves the size with a strided convolution if `learned`, else with the average. */
export function downsample(scope: Scope, x: Value, channels: number, learned: boolean): Value {
  if (!learned) return averageDown(scope, x);
  return convolution(scope, 'op', x, { from: channels, to: channels, kernel: 3, stride: 2 });
}

/** Doubles the size, with a convolution if `learned`. */
export function upsample(scope: Scope, x: Value, channels: number, learned: boolean): Value {
  return learned ? upsampledConvolution(scope, 'conv', x, channels, channels) : nearestUp(scope, x);
}
