/** Gradients of activation functions, from their outputs where that is cheaper. */
import { tensorFrom, type Value } from '../../graph/index.ts';
import type { GradientContext, GradientRule } from '../context.ts';
import { recomputedSoftmax } from '../recompute.ts';

/** dy where x is positive, `otherwise` elsewhere. */
function wherePositive(n: GradientContext, otherwise: Value | number): Value {
  return n.where(n.compare('Greater', n.x(), 0), n.dy, otherwise);
}

const elu: GradientRule = (n) => {
  const alpha = n.forward.float('alpha', 1);
  return [() => wherePositive(n, n.mul(n.dy, n.add(n.y(), alpha)))];
};

const selu: GradientRule = (n) => {
  const alpha = n.forward.float('alpha', 1.6732631921768188);
  const gamma = n.forward.float('gamma', 1.0507010221481323);
  const slope = () => n.where(n.compare('Greater', n.x(), 0), gamma, n.add(n.y(), alpha * gamma));
  return [() => n.mul(n.dy, slope())];
};

/** clip(alpha x + beta, 0, 1) */
const hardSigmoid: GradientRule = (n) => {
  const inside = () => n.op('And', n.compare('Greater', n.y(), 0), n.compare('Less', n.y(), 1));
  return [() => n.where(inside(), n.mul(n.dy, n.forward.float('alpha', 0.2)), 0)];
};

/** x clip(x / 6 + 1/2, 0, 1): the slope is x / 3 + 1/2 between -3 and 3. */
const hardSwish: GradientRule = (n) => {
  const slope = () => {
    const inside = n.compare('Less', n.op('Abs', n.x()), 3);
    const outside = n.g.cast(n.compare('Greater', n.x(), 0), n.dy.dtype);
    return n.where(inside, n.add(n.div(n.x(), 3), 0.5), outside);
  };
  return [() => n.mul(n.dy, slope())];
};

/** x t with t = tanh(softplus(x)): the slope is t + x (1 - t^2) sigmoid(x). */
const mish: GradientRule = (n) => [
  () => {
    const x = n.x();
    const t = n.op('Tanh', n.op('Softplus', x));
    const steep = n.mul(n.op('Sub', n.constant(1, x.dtype), n.mul(t, t)), n.op('Sigmoid', x));
    return n.mul(n.dy, n.add(t, n.mul(x, steep)));
  },
];

/** Phi(x) + x phi(x), or that of the tanh approximation. */
const gelu: GradientRule = (n) => [
  () => n.mul(n.dy, n.forward.string('approximate', 'none') === 'tanh' ? tanhGeluSlope(n) : geluSlope(n)),
];

function geluSlope(n: GradientContext): Value {
  const x = n.x();
  const cumulative = n.mul(n.add(n.op('Erf', n.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = n.mul(n.op('Exp', n.mul(n.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return n.add(cumulative, n.mul(x, density));
}

function tanhGeluSlope(n: GradientContext): Value {
  const x = n.x();
  const [k, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = n.mul(x, x);
  const t = n.op('Tanh', n.mul(x, n.add(n.mul(square, k * cubic), k)));
  const inner = n.add(n.mul(square, 3 * k * cubic), k);
  const steep = n.mul(n.mul(n.mul(x, 0.5), inner), n.op('Sub', n.constant(1, x.dtype), n.mul(t, t)));
  return n.add(n.mul(n.add(t, 1), 0.5), steep);
}

/** y (dy - sum(dy y)) along the axis. */
const softmax: GradientRule = (n) => {
  const rank = n.y().shape.length;
  const axis = n.forward.axis('axis', -1, rank);
  return [
    () => {
      const total = axis === rank - 1 ? attentionTotals(n) : undefined;
      const y = recomputedSoftmax(n, n.y(), n.dy);
      if (total !== undefined) return n.mul(n.sub(n.dy, total), y);
      const weighted = n.mul(n.dy, y);
      return n.sub(weighted, n.mul(y, n.sum(weighted, [axis])));
    },
  ];
};

/**
 * sum(dy y) over the tokens where y weights values and dy = P Q: it is the sum of P and y Q^T over the channels, of
 * which there are fewer than tokens, and y Q^T is attention's own output (the trick of FlashAttention, Dao et al.
 * 2022, appendix B).
 */
function attentionTotals(n: GradientContext): Value | undefined {
  const { g } = n;
  const product = g.producerOf(n.dy);
  if (product?.opType !== 'MatMul') return undefined;
  const [p, q] = product.inputs.map((name) => g.value(name)) as [Value, Value];
  if (p.shape.length !== n.y().shape.length || p.shape.length !== q.shape.length) return undefined;
  const original = n.untransposed(q);
  const rows = original && g.existing('MatMul', [n.y(), original]);
  if (rows !== undefined) return n.sum(n.mul(p, rows), [rows.shape.length - 1]);
  const [columnsOfP, transposed] = [n.untransposed(p), n.existingTranspose(n.y())];
  const columns = transposed && g.existing('MatMul', [q, transposed]);
  if (columns === undefined || columnsOfP === undefined) return undefined;
  const totals = sumOfRows(n, n.mul(columnsOfP, columns));
  return n.op('Reshape', totals, g.ints([...columns.shape.slice(0, -2).map(() => 0), -1, 1]));
}

/**
 * The sum over the axis before the last; of single matrices as a product, because onnxruntime's reduction of one takes
 * four times as long.
 */
function sumOfRows(n: GradientContext, x: Value): Value {
  const [rows, columns] = x.shape.slice(-2);
  const single = x.shape.slice(1, -2).every((dim) => dim === 1);
  const size = Number(rows) * Number(columns);
  if (!single || !(size >= LARGE_MATRIX)) return n.sum(x, [x.shape.length - 2]);
  const ones = tensorFrom(
    x.dtype,
    [1, Number(rows)],
    Array.from({ length: Number(rows) }, () => 1),
  );
  return n.op('MatMul', n.g.constantTensor(ones), x);
}

/** Elements from which on the way of summing counts. */
const LARGE_MATRIX = 2 ** 14;

const logSoftmax: GradientRule = (n) => {
  const axis = n.forward.axis('axis', -1, n.y().shape.length);
  return [() => n.sub(n.dy, n.mul(n.op('Exp', n.y()), n.sum(n.dy, [axis])))];
};

export const activations: Readonly<Record<string, GradientRule>> = {
  Relu: (n) => [() => n.where(n.compare('Greater', n.y(), 0), n.dy, 0)],
  LeakyRelu: (n) => [() => wherePositive(n, n.mul(n.dy, n.forward.float('alpha', 0.01)))],
  PRelu: (n) => [
    () => wherePositive(n, n.mul(n.dy, n.x(1))),
    () => n.mul(n.dy, n.op('Min', n.x(), n.constant(0, n.dy.dtype))),
  ],
  Elu: elu,
  Selu: selu,
  Sigmoid: (n) => [() => n.mul(n.dy, n.mul(n.y(), n.op('Sub', n.constant(1, n.y().dtype), n.y())))],
  Tanh: (n) => [() => n.mul(n.dy, n.op('Sub', n.constant(1, n.y().dtype), n.mul(n.y(), n.y())))],
  Softplus: (n) => [() => n.mul(n.dy, n.op('Sigmoid', n.x()))],
  Softsign: (n) => [
    () => {
      const below = n.add(n.op('Abs', n.x()), 1);
      return n.div(n.dy, n.mul(below, below));
    },
  ],
  Celu: (n) => [() => wherePositive(n, n.mul(n.dy, n.add(n.mul(n.y(), 1 / n.forward.float('alpha', 1)), 1)))],
  ThresholdedRelu: (n) => [() => n.where(n.compare('Greater', n.x(), n.forward.float('alpha', 1)), n.dy, 0)],
  Mish: mish,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Gelu: gelu,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
