/** What works on each element alone, or on the elements of several tensors at the same place. */
import { type Array64, broadcastDims, broadcastTo } from './array64.ts';
import { erf } from './erf.ts';
import type { Node64, Operator64 } from './node64.ts';

const truth = (condition: boolean): number => (condition ? 1 : 0);
const clip = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

function map({ dims, data }: Array64, f: (value: number) => number): Array64 {
  return { dims, data: data.map(f) };
}

function combine(inputs: readonly Array64[], f: (values: readonly number[]) => number): Array64 {
  const dims = broadcastDims(inputs.map((input) => input.dims));
  const all = inputs.map((input) => broadcastTo(input, dims).data);
  return { dims, data: all[0]!.map((_, at) => f(all.map((data) => data[at]!))) };
}

const unary =
  (f: (value: number) => number): Operator64 =>
  (node) =>
    map(node.x(), f);
const binary =
  (f: (a: number, b: number) => number): Operator64 =>
  (node) =>
    combine([node.x(0), node.x(1)], ([a, b]) => f(a!, b!));
const variadic =
  (f: (values: readonly number[]) => number): Operator64 =>
  (node) =>
    combine(
      node.inputs.map((_, index) => node.x(index)),
      f,
    );

/** f with the parameters that it finds among the attributes. */
const parametric =
  (
    defaults: Readonly<Record<string, number>>,
    f: (x: number, parameters: Record<string, number>) => number,
  ): Operator64 =>
  (node) => {
    const entries = Object.entries(defaults).map(
      ([name, value]) => [name, node.number(name, value)] as const,
    );
    const parameters = Object.fromEntries(entries);
    return map(node.x(), (x) => f(x, parameters));
  };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const hardSigmoid = (x: number, alpha: number, beta: number): number => clip(alpha * x + beta, 0, 1);
const tanhGelu = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** Between types of numbers with a fraction nothing is rounded: that is what doubles are for here. */
function cast(node: Node64): Array64 {
  if (node.dtype?.startsWith('float')) return node.x();
  return map(node.x(), node.dtype === 'bool' ? (value) => truth(value !== 0) : Math.trunc);
}

export const elementwise: Readonly<Record<string, Operator64>> = {
  Identity: (node) => node.x(),
  Dropout: (node) => node.x(),
  Cast: cast,
  CastLike: cast,
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Sign: unary(Math.sign),
  Reciprocal: unary((x) => 1 / x),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sin: unary(Math.sin),
  Cos: unary(Math.cos),
  Tan: unary(Math.tan),
  Atan: unary(Math.atan),
  Erf: unary(erf),
  Relu: unary((x) => Math.max(x, 0)),
  Sigmoid: unary(sigmoid),
  Tanh: unary(Math.tanh),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  HardSwish: unary((x) => x * hardSigmoid(x, 1 / 6, 0.5)),
  LeakyRelu: parametric({ alpha: 0.01 }, (x, { alpha }) => (x < 0 ? alpha! * x : x)),
  Elu: parametric({ alpha: 1 }, (x, { alpha }) => (x < 0 ? alpha! * Math.expm1(x) : x)),
  Celu: parametric({ alpha: 1 }, (x, { alpha }) => (x < 0 ? alpha! * Math.expm1(x / alpha!) : x)),
  Selu: parametric({ alpha: 1.6732631921768188, gamma: 1.0507010221481323 }, (x, { alpha, gamma }) =>
    x > 0 ? gamma! * x : gamma! * alpha! * Math.expm1(x),
  ),
  ThresholdedRelu: parametric({ alpha: 1 }, (x, { alpha }) => (x > alpha! ? x : 0)),
  HardSigmoid: parametric({ alpha: 0.2, beta: 0.5 }, (x, { alpha, beta }) => hardSigmoid(x, alpha!, beta!)),
  Gelu: (node) => map(node.x(), node.text('approximate', 'none') === 'tanh' ? tanhGelu : gelu),
  Clip: (node) => {
    const [low = Number.NEGATIVE_INFINITY] = node.list(1) ?? [];
    const [high = Number.POSITIVE_INFINITY] = node.list(2) ?? [];
    return map(node.x(), (x) => clip(x, low, high));
  },
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Pow: binary((a, b) => a ** b),
  PRelu: binary((x, slope) => (x < 0 ? slope * x : x)),
  And: binary((a, b) => truth(a !== 0 && b !== 0)),
  Equal: binary((a, b) => truth(a === b)),
  Greater: binary((a, b) => truth(a > b)),
  GreaterOrEqual: binary((a, b) => truth(a >= b)),
  Less: binary((a, b) => truth(a < b)),
  Where: variadic(([condition, yes, no]) => (condition !== 0 ? yes! : no!)),
  Sum: variadic((values) => values.reduce((total, value) => total + value, 0)),
  Mean: variadic((values) => values.reduce((total, value) => total + value, 0) / values.length),
  Max: variadic((values) => Math.max(...values)),
  Min: variadic((values) => Math.min(...values)),
};
