/**
 * Large forward values that the backward pass computes again from smaller ones, so that they need not be kept.
 *
 * Engines merge equal nodes, which would keep the value after all: what is computed again is spelled in another shape.
 */
import { isStatic, sameShape } from '../graph/dim.ts';
import type { GraphNode, Shape, Value } from '../graph/index.ts';
import { elementCount } from '../graph/tensor.ts';
import type { GradientContext } from './context.ts';

/** Attention weights are computed again if they have this many times the elements of the queries and keys. */
const WORTH_ITS_PRODUCT = 4;

/**
 * z = Reshape(groups) * scale + shift, with a scale and a shift for each channel, computed again from the groups.
 *
 * @param dy what the answer will be used with
 * @returns z in the shape of the groups, `[N, groups, channels per group, pixels]`; `undefined` if it is nothing of
 *   the kind
 */
export function affineOfGroups(n: GradientContext, z: Value, dy: Value): Value | undefined {
  const { g } = n;
  for (const [product, shift] of operandsOf(n, z, 'Add')) {
    for (const [flat, scale] of operandsOf(n, product, 'Mul')) {
      const reshape = g.producerOf(flat);
      const groups = reshape?.opType === 'Reshape' ? g.value(reshape.inputs[0]!) : undefined;
      if (groups === undefined || g.producerOf(groups)?.opType !== 'InstanceNormalization') continue;
      const [, count, perGroup] = groups.shape;
      if (groups.shape.length !== 4 || typeof count !== 'number' || typeof perGroup !== 'number') continue;
      const channels = count * perGroup;
      if (![scale, shift].every((part) => isPerChannel(part.shape, z.shape, channels))) continue;
      return g.before(dy, () => {
        const [a, b] = [scale, shift].map((part) =>
          g.op('Reshape', [part, g.ints([-1, count, perGroup, 1])]),
        ) as [Value, Value];
        return n.add(n.mul(groups, a), b);
      });
    }
  }
  return undefined;
}

/** Both orders of the operands of the node that computes a value, if it is of this type. */
function operandsOf(n: GradientContext, value: Value, opType: string): [Value, Value][] {
  const node = n.g.producerOf(value);
  if (node?.opType !== opType) return [];
  const [a, b] = node.inputs.map((name) => n.g.value(name)) as [Value, Value];
  return [
    [a, b],
    [b, a],
  ];
}

/** `[N or 1, C, 1, ...]`, as it broadcasts to `full`. */
function isPerChannel(shape: Shape, full: Shape, channels: number): boolean {
  const spatial = full.length - 2;
  const aligned = shape.toReversed();
  return (
    full[1] === channels &&
    aligned[spatial] === channels &&
    aligned.slice(0, spatial).every((dim) => dim === 1)
  );
}

/**
 * Attention weights softmax(A B) [N, heads, Q, T], computed again from A and B where they are much the larger. That
 * takes no longer than to write them to memory and to read them back, if a head is computed at a time
 * (attention-by-heads.ts). The last of a size are kept: they are the first that the backward pass frees.
 *
 * @param dy what the answer will be used with
 * @returns `weights` itself where it is not worth it
 */
export function recomputedSoftmax(n: GradientContext, weights: Value, dy: Value): Value {
  const { g } = n;
  const softmax = g.producerOf(weights);
  if (softmax?.opType !== 'Softmax' || !isLastAxis(softmax, weights.shape.length)) return weights;
  const product = g.producerOf(g.value(softmax.inputs[0]!));
  if (product?.opType !== 'MatMul') return weights;
  const operands = product.inputs.map((name) => g.value(name));
  const stacked = [weights, ...operands].map(({ shape }) => shape.slice(1));
  if (weights.shape.length !== 4 || !stacked.every(isStatic)) return weights;
  const [size, ...sizes] = stacked.map((shape) => elementCount(shape as number[])) as [number, ...number[]];
  if (size < WORTH_ITS_PRODUCT * sizes.reduce((sum, one) => sum + one, 0)) return weights;
  if (operands.some(({ shape }) => shape[0] !== weights.shape[0] || shape[1] !== weights.shape[1])) {
    return weights;
  }
  const later = g.nodesAfter(weights).some((node) => isSoftmaxLike(n, node, weights));
  if (!later) return weights;
  return g.before(dy, () => {
    const [a, b] = operands.map((operand) => withoutHeads(n, operand)) as [Value, Value];
    const again = g.op('Softmax', [n.op('MatMul', a, b)], { axis: -1 });
    return n.reshapeLike(again, weights);
  });
}

function isSoftmaxLike({ g }: GradientContext, { opType, outputs }: GraphNode, model: Value): boolean {
  return opType === 'Softmax' && sameShape(g.value(outputs[0]!).shape, model.shape);
}

export function isLastAxis(softmax: GraphNode, rank: number): boolean {
  const { axis } = softmax.attributes;
  return axis === undefined || (axis.type === 'int' && [-1, rank - 1].includes(Number(axis.value)));
}

/** `[N, heads, rows, columns]` to `[N * heads, rows, columns]`; a transposition stays next to the product. */
function withoutHeads(n: GradientContext, x: Value): Value {
  const before = n.untransposed(x);
  const flat = (value: Value) => n.op('Reshape', value, n.g.ints([-1, ...value.shape.slice(2).map(Number)]));
  return before === undefined ? flat(x) : n.transposeMatrix(flat(before));
}
