/** Shapes of the element-wise operators. */
import { type DataType, dataTypeFromCode, isFloat } from '../graph/data-type.ts';
import type { Dim, Shape } from '../graph/dim.ts';
import type { Value } from '../graph/graph.ts';
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
  const elements = combineElements(factor(node, 0), factor(node, 1), shape, arithmetic);
  return elements && rounded(elements, a.dtype);
}

/** Engines compute sizes in single precision too, where 30 * 0.1 is 3 and not more. */
function rounded(elements: readonly Dim[], dtype: DataType): readonly Dim[] {
  if (dtype !== 'float32') return elements;
  return elements.map((element) => (typeof element === 'number' ? Math.fround(element) : element));
}

/** An input with its elements, if it is what sizes are multiplied by: floats are read for that alone, not as weights. */
function factor(node: NodeContext, index: number): Value {
  const [value, elements] = [node.input(index), node.known(index)];
  return elements === undefined ? value : { ...value, elements };
}

/** Of elements that are numbers. */
function unary(compute: (x: number) => number): ShapeRule {
  return (node) => {
    const { dtype, shape, elements } = node.input(0);
    const known = elements?.map((x) => (typeof x === 'number' ? compute(x) : undefined));
    return [withElements({ dtype, shape }, known && everyKnown(known))];
  };
}

/** Sizes are cut off at bounds: pads that TensorFlow's SAME would make negative are 0. */
const clip: ShapeRule = (node) => {
  const { dtype, shape, elements } = node.input(0);
  if (elements === undefined) return like(node, shape);
  const bound = (index: number, open: number) =>
    node.optional(index) === undefined ? open : node.known(index)?.[0];
  const [low, high] = [bound(1, -Infinity), bound(2, Infinity)];
  const cut = elements.map((x) =>
    typeof x === 'number' && typeof low === 'number' && typeof high === 'number'
      ? Math.min(Math.max(x, low), high)
      : undefined,
  );
  return [withElements({ dtype, shape }, everyKnown(cut))];
};

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
  'ThresholdedRelu LogSoftmax Softmax Hardmax Trilu',
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
  Clip: clip,
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
