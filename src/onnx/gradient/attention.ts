/** The gradient of attention whose weights are much larger than what they are computed from, as a whole. */
import { isStatic, sameShape } from '../graph/dim.ts';
import type { Value } from '../graph/index.ts';
import { elementCount } from '../graph/tensor.ts';
import type { CompositeGradient } from './composites.ts';
import type { GradientContext } from './context.ts';
import { isLastAxis, isLastOfItsSize } from './recompute.ts';

/** O = V P^T with the weights P = softmax(Q^T K) over the tokens; all `[N, heads, channels or tokens, tokens]`. */
interface Attention {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly weights: Value;
}

/** From as many times the elements of queries and keys on, passes over the weights are what counts. */
const MUCH_LARGER = 4;

/**
 * dV = dO P, dQ = K dS^T, dK = Q dS with dS = P o (dO^T V - D), where D = sum over channels of dO o O (FlashAttention,
 * Dao et al. 2022, appendix B). The product subtracts D itself, as one channel more: -D with the gradient, ones with
 * the values.
 *
 * Half of the heads at a time, because P, dO^T V - D and dS are there at once: onnxruntime writes no product over its
 * factor. All weights but those of the last layer of their size are computed again.
 *
 * @returns `undefined` if the node does not end such an attention, of an even number of heads
 */
export function attentionGradients(n: GradientContext): readonly CompositeGradient[] | undefined {
  const found = findAttention(n);
  if (found === undefined) return undefined;
  const { g } = n;
  const halves = (x: Value): Value[] => splitHeads(n, x);
  // What is before dO in the file runs after it: else the weights would be there while dO itself is computed.
  const weights = (): Value[] => g.before(n.dy, () => weightsByHalves(n, found));
  const operand = (x: Value): Value[] => g.before(n.dy, () => halves(nameless(n, x)));
  const dScores = (): Value[] => {
    const [rows, columns] = centring(n, found.value).map(halves) as [Value[], Value[]];
    return weights().map((p, i) => n.mul(n.op('MatMul', n.transposeMatrix(rows[i]!), columns[i]), p));
  };
  const product = (left: readonly Value[], right: readonly Value[]): Value => {
    const parts = left.map((matrix, i) => n.op('MatMul', matrix, right[i]));
    return g.op('Concat', parts, { axis: 1 });
  };
  // The values' last: it runs first, and so only the weights wait for the others.
  return [
    {
      input: found.query,
      gradient: () =>
        product(
          operand(found.key),
          dScores().map((half) => n.transposeMatrix(half)),
        ),
    },
    { input: found.key, gradient: () => product(operand(found.query), dScores()) },
    { input: found.value, gradient: () => product(halves(n.dy), weights()) },
  ];
}

function findAttention(n: GradientContext): Attention | undefined {
  const { g } = n;
  const [value, weights] = [n.x(0), n.untransposed(n.x(1))];
  const softmax = weights && g.producerOf(weights);
  if (softmax?.opType !== 'Softmax' || weights === undefined || !isLastAxis(softmax, 4)) return undefined;
  const scores = g.producerOf(g.value(softmax.inputs[0]!));
  if (scores?.opType !== 'MatMul') return undefined;
  const [left, key] = scores.inputs.map((name) => g.value(name)) as [Value, Value];
  const query = n.untransposed(left);
  if (query === undefined) return undefined;
  const all = [weights, query, key, value];
  const shapes = all.map(({ shape }) => shape.slice(1));
  if (all.some(({ shape }) => shape.length !== 4) || !shapes.every(isStatic)) return undefined;
  if (!all.every(({ shape }) => sameShape(shape.slice(0, 2), weights.shape.slice(0, 2)))) return undefined;
  const [size, ofQuery, ofKey] = shapes.map((shape) => elementCount(shape as number[])) as [
    number,
    number,
    number,
  ];
  const heads = shapes[0]![0] as number;
  if (heads % 2 !== 0 || size < MUCH_LARGER * (ofQuery + ofKey)) return undefined;
  return { query, key, value, weights };
}

function splitHeads({ g }: GradientContext, x: Value): Value[] {
  const half = (x.shape[1] as number) / 2;
  return g.ops('Split', [x, g.ints([half, half])], { axis: 1 }, 2);
}

function weightsByHalves(n: GradientContext, { query, key, weights }: Attention): Value[] {
  if (isLastOfItsSize(n, weights)) return splitHeads(n, nameless(n, weights));
  const keys = splitHeads(n, nameless(n, key));
  return splitHeads(n, nameless(n, query)).map((half, i) =>
    n.g.op('Softmax', [n.op('MatMul', n.transposeMatrix(half), keys[i])], { axis: -1 }),
  );
}

/**
 * The same bytes with a batch size that onnxruntime has no name for. It would keep the memory of a value whose shape it
 * knows for the next layer's value of that shape, and these are the largest values of all.
 */
function nameless(n: GradientContext, x: Value): Value {
  return n.op('Reshape', x, n.g.ints([-1, ...x.shape.slice(1).map(Number)]));
}

/**
 * Two factors of dO^T V - D: `[N, heads, channels + 1, queries]`, to be transposed, and
 * `[N, heads, channels + 1, tokens]`.
 */
function centring(n: GradientContext, value: Value): [rows: Value, columns: Value] {
  const { dy, g } = n;
  const totals = n.sum(n.mul(dy, n.y()), [2]);
  const rows = g.op('Concat', [dy, n.op('Neg', totals)], { axis: 2 });
  return [rows, n.op('Pad', value, g.ints([0, 0, 0, 0, 0, 0, 1, 0]), n.constant(1, value.dtype))];
}
