/** The layers that every block is made of. */
import type { Value } from '../graph/graph.ts';
import { groupNorm as groupNormalization } from '../layers/group-norm.ts';
import { reshapeWeight } from './folded-weights.ts';
import type { Scope } from './scope.ts';
import type { Weight } from './weights.ts';

const GROUPS = 32;
const EPSILON = 1e-5;

/** x * sigmoid(x). */
export function silu(scope: Scope, x: Value): Value {
  return scope.graph.op('Mul', [x, scope.graph.op('Sigmoid', [x])]);
}

/** The sum of a block's input and answer; divided by sqrt(2) if `rescale`, which keeps its variance. */
export function addResidual({ graph }: Scope, past: Value, residual: Value, rescale: boolean): Value {
  const sum = graph.op('Add', [past, residual]);
  return rescale ? graph.op('Mul', [sum, graph.constant(Math.SQRT1_2, sum.dtype)]) : sum;
}

/** A square convolution with bias, in the precision of x, padded to keep the size at stride 1: `[N, in, H, W]` to `[N, out, H', W']`. */
export function convolution(
  scope: Scope,
  name: string,
  x: Value,
  { from, to, kernel, stride = 1 }: { from: number; to: number; kernel: 1 | 3; stride?: 1 | 2 },
): Value {
  const pad = (kernel - 1) / 2;
  const weight = scope.weight(`${name}.weight`, [to, from, kernel, kernel], x.dtype);
  const bias = scope.weight(`${name}.bias`, [to], x.dtype);
  return scope.graph.op('Conv', [x, weight, bias], {
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    strides: [stride, stride],
  });
}

/** x W^T + b: `[N, in]` to `[N, out]`. */
export function linear(scope: Scope, name: string, x: Value, from: number, to: number): Value {
  const weight = scope.take(`${name}.weight`, [to, from]);
  const bias = scope.take(`${name}.bias`, [to]);
  return affine(scope, name, x, weight, bias);
}

/** `linear` with weights that were prepared. */
export function affine(scope: Scope, name: string, x: Value, weight: Weight, bias: Weight): Value {
  const constants = [scope.constant(`${name}.weight`, weight), scope.constant(`${name}.bias`, bias)];
  return scope.graph.op('Gemm', [x, ...constants], { transB: 1 });
}

/**
 * Normalises over 32 groups of channels, then scales and shifts each channel; in float32, whatever x is.
 *
 * @param x `[N, C, ...]`
 * @param weight anything that broadcasts to x, e.g. `[1, C, 1, 1]`, or `[N, C, 1, 1]` for one per image
 * @param bias like `weight`
 */
export function normalize(scope: Scope, x: Value, weight: Value, bias: Value): Value {
  const { graph } = scope;
  const wide = graph.cast(x, 'float32');
  const normal = groupNormalization(graph, wide, weight, bias, { groups: GROUPS, epsilon: EPSILON });
  return graph.cast(normal, x.dtype);
}

/** Group normalisation with the checkpoint's weight and bias per channel. */
export function groupNorm(scope: Scope, name: string, x: Value): Value {
  const channels = x.shape[1] as number;
  const perChannel = [1, channels, ...x.shape.slice(2).map(() => 1)];
  const constant = (part: string): Value =>
    scope.constant(`${name}.${part}`, reshapeWeight(scope.take(`${name}.${part}`, [channels]), perChannel));
  return normalize(scope, x, constant('weight'), constant('bias'));
}
