/** Gradients of arithmetic. Broadcasting is undone by the walker, so every rule is written as if shapes agreed. */
import { toNumbers, type Value } from '../../graph/index.ts';
import { elementCount } from '../../graph/tensor.ts';
import type { GradientContext, GradientRule } from '../context.ts';

const mul: GradientRule = (n) => {
  if (n.node.inputs[0] === n.node.inputs[1]) return [() => n.mul(n.mul(n.dy, n.x()), 2), undefined];
  return [() => n.mul(n.dy, n.x(1)), () => n.mul(n.dy, n.x(0))];
};

const div: GradientRule = (n) => [
  () => n.div(n.dy, n.x(1)),
  () => n.op('Neg', n.div(n.mul(n.dy, n.y()), n.x(1))),
];

/** d(a^b) = b a^(b-1) da + a^b ln(a) db; the exponents of network layers are constants, and most are 2. */
const pow: GradientRule = (n) => [
  () => n.mul(n.dy, powerSlope(n)),
  () => n.mul(n.mul(n.dy, n.y()), n.op('Log', n.x(0))),
];

function powerSlope(n: GradientContext): Value {
  const exponent = n.g.tensorOf(n.x(1));
  const known =
    exponent !== undefined && elementCount(exponent.dims) === 1 ? toNumbers(exponent)[0] : undefined;
  if (known === 2) return n.mul(n.x(), 2);
  if (known === 0.5) return n.div(n.constant(0.5, n.y().dtype), n.y());
  const power = n.g.cast(n.x(1), n.x().dtype);
  return n.mul(n.op('Pow', n.x(), n.sub(power, 1)), power);
}

/** The largest (or smallest) operand gets the gradient; equal ones share it. */
const extreme: GradientRule = (n) => {
  const masks = n.node.inputs.map((_, index) => n.g.cast(n.op('Equal', n.x(index), n.y()), n.dy.dtype));
  const share = () =>
    n.div(
      n.dy,
      masks.reduce((total, mask) => n.add(total, mask)),
    );
  return masks.map((mask) => () => n.mul(share(), mask));
};

const clip: GradientRule = (n) => [() => n.where(n.op('Equal', n.x(), n.y()), n.dy, 0)];

/** Nothing is dropped at inference. */
const dropout: GradientRule = (n) => {
  const training = n.optional(2);
  const known = training && n.g.tensorOf(training);
  const off = training === undefined || (known !== undefined && toNumbers(known)[0] === 0);
  return [() => (off ? n.dy : n.fail('it is in training mode, or may be'))];
};

export const arithmetic: Readonly<Record<string, GradientRule>> = {
  Add: (n) => [n.dy, n.dy],
  Sub: (n) => [n.dy, () => n.op('Neg', n.dy)],
  Mul: mul,
  Div: div,
  Pow: pow,
  Neg: (n) => [() => n.op('Neg', n.dy)],
  Abs: (n) => [() => n.mul(n.dy, n.op('Sign', n.x()))],
  Sqrt: (n) => [() => n.div(n.mul(n.dy, 0.5), n.y())],
  Reciprocal: (n) => [() => n.op('Neg', n.mul(n.dy, n.mul(n.y(), n.y())))],
  Exp: (n) => [() => n.mul(n.dy, n.y())],
  Log: (n) => [() => n.div(n.dy, n.x())],
  Sin: (n) => [() => n.mul(n.dy, n.op('Cos', n.x()))],
  Tan: (n) => [() => n.mul(n.dy, n.add(n.mul(n.y(), n.y()), 1))],
  Atan: (n) => [() => n.div(n.dy, n.add(n.mul(n.x(), n.x()), 1))],
  Cos: (n) => [() => n.op('Neg', n.mul(n.dy, n.op('Sin', n.x())))],
  Erf: (n) => [
    () => n.mul(n.dy, n.mul(n.op('Exp', n.op('Neg', n.mul(n.x(), n.x()))), 2 / Math.sqrt(Math.PI))),
  ],
  Sum: (n) => n.node.inputs.map(() => n.dy),
  Mean: (n) => n.node.inputs.map(() => () => n.div(n.dy, n.node.inputs.length)),
  Max: extreme,
  Min: extreme,
  Clip: clip,
  Where: (n) => [undefined, () => n.where(n.x(0), n.dy, 0), () => n.where(n.x(0), 0, n.dy)],
  CastLike: (n) => [() => n.g.cast(n.dy, n.x().dtype), () => n.zerosLike(n.x(1))],
  Cast: (n) => [() => n.g.cast(n.dy, n.x().dtype)],
  Identity: (n) => [n.dy],
  Dropout: dropout,
};
