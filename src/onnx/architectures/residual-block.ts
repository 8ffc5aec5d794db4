import type { Value } from '../graph/graph.ts';
import { foldScaleShift } from './folded-weights.ts';
import { addResidual, affine, convolution, groupNorm, linear, normalize, silu } from './layers.ts';
import { averageDown, nearestUp } from './resample.ts';
import type { Scope } from './scope.ts';
import { upsampledConvolution } from './upsampled-convolution.ts';

export interface ResidualBlockOptions {
  readonly from: number;
  readonly to: number;
  /** Condition by scale and shift of the second norm instead of by addition. */
  readonly scaleShift: boolean;
  /** Divide the sum by sqrt(2). */
  readonly rescale: boolean;
  /** Halve or double the size on the way. */
  readonly resample?: 'down' | 'up';
}

const RESAMPLE = { down: averageDown, up: nearestUp } as const;

/**
 * Two convolutions around the timestep's conditioning, added to the input:
 * x + conv(silu(norm(conv(silu(norm(x))), embedding))).
 *
 * When it resamples, it does so between the first activation and its convolution, and on the way past.
 *
 * @param x `[N, from, H, W]`
 * @param embedding `[N, E]`
 * @returns `[N, to, H', W']`
 */
export function residualBlock(
  scope: Scope,
  x: Value,
  embedding: Value,
  { from, to, scaleShift, rescale, resample }: ResidualBlockOptions,
): Value {
  const activated = silu(scope, groupNorm(scope, 'in_layers.0', x));
  const hidden = firstConvolution(scope, activated, from, to, resample);
  const condition = scaleShift ? scaleAndShift : addEmbedding;
  const conditioned = silu(scope, condition(scope, hidden, embedding, to));
  const residual = convolution(scope, 'out_layers.3', conditioned, { from: to, to, kernel: 3 });
  const past = resample === undefined ? x : RESAMPLE[resample](scope, x);
  const skip = from === to ? past : convolution(scope, 'skip_connection', past, { from, to, kernel: 1 });
  return addResidual(scope, skip, residual, rescale);
}

/** Resamples, then convolves; doubling and convolving are one operation. */
function firstConvolution(
  scope: Scope,
  activated: Value,
  from: number,
  to: number,
  resample: ResidualBlockOptions['resample'],
): Value {
  if (resample === 'up') return upsampledConvolution(scope, 'in_layers.2', activated, from, to);
  const input = resample === 'down' ? averageDown(scope, activated) : activated;
  return convolution(scope, 'in_layers.2', input, { from, to, kernel: 3 });
}

/** norm(h) * (1 + scale) + shift, where the embedding gives scale and shift. */
function scaleAndShift(scope: Scope, hidden: Value, embedding: Value, channels: number): Value {
  const { graph } = scope;
  const size = embedding.shape[1] as number;
  const { weight, bias } = foldScaleShift(
    {
      weight: scope.take('out_layers.0.weight', [channels]),
      bias: scope.take('out_layers.0.bias', [channels]),
    },
    {
      weight: scope.take('emb_layers.1.weight', [2 * channels, size]),
      bias: scope.take('emb_layers.1.bias', [2 * channels]),
    },
  );
  const projected = affine(scope, 'scale_shift', silu(scope, embedding), weight, bias);
  const perChannel = graph.op('Reshape', [projected, graph.ints([0, 2 * channels, 1, 1])]);
  const halves = graph.ints([channels, channels]);
  const [scale, shift] = graph.ops('Split', [perChannel, halves], { axis: 1 }, 2) as [Value, Value];
  return normalize(scope, hidden, scale, shift);
}

/** norm(h + embedding). */
function addEmbedding(scope: Scope, hidden: Value, embedding: Value, channels: number): Value {
  const { graph } = scope;
  const size = embedding.shape[1] as number;
  const projected = linear(scope, 'emb_layers.1', silu(scope, embedding), size, channels);
  const perChannel = graph.op('Reshape', [projected, graph.ints([0, channels, 1, 1])]);
  return groupNorm(scope, 'out_layers.0', graph.op('Add', [hidden, graph.cast(perChannel, hidden.dtype)]));
}
