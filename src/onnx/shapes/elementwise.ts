/** Shapes of the element-wise operators. */
import { type DataType, dataTypeFromCode, isFloat } from '../graph/data-type.ts';
import type { Dim, Shape } from '../graph/dim.ts';
import type { Value } from '../graph/graph.ts';
import { elementCount, toNumbers } from '../graph/tensor.ts';
import { broadcastShapes } from './broadcast.ts';
import { like, type NodeContext, type ShapeRule } from './context.ts';
import { arithmeticOf, broadcastElements, combineElements, everyKnown, withElements } from './elements.ts';

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

/** Both inputs have one type. */
const binary: ShapeRule = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  if (a.dtype !== b.dtype) node.fail(`its inputs differ in type: ${a.dtype} and ${b.dtype}`);
  const shape = broadcast(node);
  return [withElements({ dtype: a.dtype, shape }, combined(node, shape))];
};

function combined(node: NodeContext, shape: Shape): readonly Dim[] | undefined {
  const [a, b] = [node.input(0), node.input(1)];
  const arithmetic = arithmeticOf(node.node.opType, !isFloat(a.dtype));
  if (arithmetic === undefined || (a.elements === undefined && b.elements === undefined)) return undefined;
  return combineElements(factor(node, 0), factor(node, 1), shape, arithmetic);
}

/** An input with its elements, if it is what sizes are multiplied by: floats are read for that alone, not as weights. */
function factor(node: NodeContext, index: number): Value {
  const [value, constant] = [node.input(index), node.constant(index)];
  const scalar = constant !== undefined && elementCount(constant.dims) === 1 && isFloat(constant.dtype);
  return scalar ? { ...value, elements: toNumbers(constant) } : value;
}

/** Of elements that are numbers. */
function unary(compute: (x: number) => number): ShapeRule {
  return (node) => {
    const { dtype, shape, elements } = node.input(0);
    const known = elements?.map((x) => (typeof x === 'number' ? compute(x) : undefined));
    return [withElements({ dtype, shape }, known && everyKnown(known))];
  };
}

const variadic: ShapeRule = (node) => {
  const shape = broadcast(node);
  const elements = node.inputs().length === 2 ? combined(node, shape) : undefined;
  return [withElements({ dtype: node.input(0).dtype, shape }, elements)];
};

const comparison: ShapeRule = (node) => {
  const shape = broadcast(node);
  return [withElements({ dtype: 'bool', shape }, combined(node, shape))];
};

const where: ShapeRule = (node) => {
  const [condition, a, b] = [node.input(0), node.input(1), node.input(2)];
  if (a.dtype !== b.dtype) node.fail(`its inputs differ in type: ${a.dtype} and ${b.dtype}`);
  const shape = broadcast(node);
  const [conditions, yes, no] = [condition, a, b].map((value) => broadcastElements(value, shape));
  const chosen = conditions?.map((each, index) => (each === 1 ? yes : each === 0 ? no : undefined)?.[index]);
  return [withElements({ dtype: a.dtype, shape }, chosen && everyKnown(chosen))];
};

const cast: ShapeRule = (node) => {
  const { shape, elements } = node.input(0);
  const to = node.int('to');
  if (to === undefined) return node.fail('attribute "to" is missing');
  const dtype: DataType = dataTypeFromCode(to, `the target of ${node.node.name}`);
  const convert = (element: Dim): Dim | undefined => {
    if (typeof element === 'string') return dtype === 'bool' ? undefined : element;
    if (dtype === 'bool') return Number(element !== 0);
    if (isFloat(dtype)) return element;
    return Number.isSafeInteger(Math.trunc(element)) ? Math.trunc(element) : undefined;
  };
  return [withElements({ dtype, shape }, elements && everyKnown(elements.map(convert)))];
};

const identity: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  return [{ dtype, shape, ...(elements && { elements }) }];
};

const UNARY = [
  'Acos Acosh Asin Asinh Atan Atanh Celu Cos Cosh Elu Erf Exp Gelu HardSigmoid HardSwish LeakyRelu',
  'Log Mish PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh',
  'ThresholdedRelu Clip LogSoftmax Softmax Hardmax',
]
  .join(' ')
  .split(' ');

export const elementwise: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(UNARY.map((opType) => [opType, sameAsInput])),
  Identity: identity,
  Dropout: (node) => [...identity(node), ...like(node, node.input(0).shape, 'bool')],
  Abs: unary(Math.abs),
  Ceil: unary(Math.ceil),
  Floor: unary(Math.floor),
  Neg: unary((x) => -x),
  Not: unary((x) => 1 - x),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Mod: binary,
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
