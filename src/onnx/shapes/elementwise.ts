/** Shapes of the element-wise operators. */
import { type DataType, dataTypeFromCode } from '../graph/data-type.ts';
import { type Dim, divideDims, multiplyDims } from '../graph/dim.ts';
import type { Shape, ValueType } from '../graph/index.ts';
import { broadcastShapes } from './broadcast.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';

function broadcast(node: NodeContext, first = 0): Shape {
  try {
    return broadcastShapes(
      ...node
        .inputs()
        .slice(first)
        .map(({ shape }) => shape),
    );
  } catch (error) {
    return node.fail((error as Error).message);
  }
}

const sameAsInput: ShapeRule = (node) => like(node, node.input(0).shape);

/** Integer arithmetic on sizes; `undefined` where the result is no plain size. */
type DimArithmetic = (a: Dim, b: Dim) => Dim | undefined;

function numbersOnly(compute: (a: number, b: number) => number): DimArithmetic {
  return (a, b) => (typeof a === 'number' && typeof b === 'number' ? compute(a, b) : undefined);
}

function binary(arithmetic?: DimArithmetic): ShapeRule {
  return (node) => {
    const [a, b] = [node.input(0), node.input(1)];
    if (a.dtype !== b.dtype) node.fail(`its inputs differ in type: ${a.dtype} and ${b.dtype}`);
    const elements = arithmetic && combineElements(a.elements, b.elements, arithmetic);
    return [{ dtype: a.dtype, shape: broadcast(node), ...(elements && { elements }) }];
  };
}

function combineElements(
  a: readonly Dim[] | undefined,
  b: readonly Dim[] | undefined,
  arithmetic: DimArithmetic,
): Dim[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  const count = a.length === 1 ? b.length : a.length;
  const combined = Array.from({ length: count }, (_, index) =>
    arithmetic(a[a.length === 1 ? 0 : index]!, b[b.length === 1 ? 0 : index]!),
  );
  return combined.every((dim) => dim !== undefined) ? combined : undefined;
}

const variadic: ShapeRule = (node) => like(node, broadcast(node));

const comparison: ShapeRule = (node) => like(node, broadcast(node), 'bool');

const where: ShapeRule = (node) => {
  const [condition, a, b] = [node.input(0), node.input(1), node.input(2)];
  const known = condition.elements?.every((dim) => dim === 1) ? a.elements : undefined;
  if (a.dtype !== b.dtype) node.fail(`its inputs differ in type: ${a.dtype} and ${b.dtype}`);
  return [{ dtype: a.dtype, shape: broadcast(node), ...(known && { elements: known }) }];
};

const cast: ShapeRule = (node) => {
  const { shape, elements } = node.input(0);
  const to = node.int('to');
  if (to === undefined) return node.fail('attribute "to" is missing');
  const dtype: DataType = dataTypeFromCode(to, `the target of ${node.node.name}`);
  const integral = dtype === 'int64' || dtype === 'int32';
  const type: ValueType = { dtype, shape, ...(integral && elements && { elements }) };
  return [type];
};

const identity: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  return [{ dtype, shape, ...(elements && { elements }) }];
};

const UNARY = [
  'Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish LeakyRelu',
  'Log Mish Neg Not PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh',
  'ThresholdedRelu Clip LogSoftmax Softmax Hardmax',
]
  .join(' ')
  .split(' ');

export const elementwise: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(UNARY.map((opType) => [opType, sameAsInput])),
  Identity: identity,
  Dropout: (node) => [...identity(node), ...like(node, node.input(0).shape, 'bool')],
  Add: binary((a, b) => (a === 0 ? b : b === 0 ? a : numbersOnly((x, y) => x + y)(a, b))),
  Sub: binary((a, b) => (b === 0 ? a : a === b ? 0 : numbersOnly((x, y) => x - y)(a, b))),
  Mul: binary((a, b) => multiplyDims([a, b])),
  Div: binary((a, b) => divideDims(a, b) ?? numbersOnly((x, y) => Math.trunc(x / y))(a, b)),
  Mod: binary(),
  Pow: (node) => like(node, broadcast(node)),
  Min: variadic,
  Max: variadic,
  Sum: variadic,
  Mean: variadic,
  And: comparison,
  Or: comparison,
  Xor: comparison,
  Equal: comparison,
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  IsNaN: (node) => like(node, node.input(0).shape, 'bool'),
  IsInf: (node) => like(node, node.input(0).shape, 'bool'),
  Where: where,
  Cast: cast,
  CastLike: (node) => [{ dtype: node.input(1).dtype, shape: node.input(0).shape }],
};
