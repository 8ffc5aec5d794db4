/** Arithmetic and activation functions. */
import fc from 'fast-check';
import type { Value } from '../../../../src/onnx/graph/index.ts';
import { gridValues, positiveValues } from '../finite-differences.ts';
import {
  alpha,
  between,
  type Cases,
  positive,
  shapes,
  unary,
  weights,
  wideValues,
  withAxis,
  withPartners,
} from './generators.ts';

/** The type that x does not have. */
const other = (x: Value) => (x.dtype === 'float64' ? 'float32' : 'float64');

const boundaries = fc.record({ strict: fc.boolean() });

export const elementwiseCases: Readonly<Record<string, Cases>> = {
  ...Object.fromEntries(['Add', 'Sub', 'Mul'].map((opType) => [opType, withPartners(opType, 1)])),
  Div: withPartners('Div', 1, { values: (count) => positiveValues(count).map((x) => x + 1) }, 20),
  Pow: withPartners('Pow', 1, positive, 8),
  ...Object.fromEntries(['Sum', 'Mean', 'Max', 'Min'].map((opType) => [opType, withPartners(opType, 2)])),
  ...Object.fromEntries(
    [
      'Neg',
      'Abs',
      'Exp',
      'Sin',
      'Cos',
      'Atan',
      'Erf',
      'Relu',
      'Sigmoid',
      'Tanh',
      'Softplus',
      'Softsign',
      'Selu',
      'Identity',
      'Dropout',
    ].map((opType) => [opType, unary(opType)]),
  ),
  ...Object.fromEntries(
    ['Sqrt', 'Reciprocal', 'Log'].map((opType) => [opType, unary(opType, undefined, positive)]),
  ),
  Tan: unary('Tan', undefined, { values: (count) => gridValues(count).map((x) => x / (1 + count / 20)) }),
  LeakyRelu: unary('LeakyRelu', alpha(0, 1)),
  Elu: unary('Elu', alpha(0.1, 2)),
  Celu: unary('Celu', alpha(0.5, 2)),
  ThresholdedRelu: unary('ThresholdedRelu', fc.constant({ alpha: 0.2 })),
  HardSigmoid: unary('HardSigmoid', fc.constantFrom({ alpha: 0.2, beta: 0.5 }, { alpha: 1 / 6, beta: 0.5 }), {
    values: wideValues,
  }),
  HardSwish: unary('HardSwish', undefined, { values: wideValues }),
  Mish: unary('Mish', undefined, { opset: 18 }),
  Gelu: unary('Gelu', fc.constantFrom({}, { approximate: 'tanh' }), { opset: 20 }),
  PRelu: shapes(2, 4).map((shape) => ({
    shape,
    build: (g, x) => g.op('PRelu', [x, weights(g, x, [shape[1]!, ...shape.slice(2).map(() => 1)], 0.3)]),
  })),
  Clip: fc
    .record({ shape: shapes(1, 3), low: fc.boolean(), high: fc.boolean() })
    .map(({ shape, low, high }) => ({
      shape,
      build: (g, x) =>
        g.op('Clip', [
          x,
          low ? g.constant(-0.2, x.dtype) : undefined,
          high ? g.constant(0.4, x.dtype) : undefined,
        ]),
    })),
  Where: fc.tuple(shapes(1, 3), boundaries).map(([shape, { strict }]) => ({
    shape,
    build: (g, x) =>
      g.op('Where', [
        g.op(strict ? 'Less' : 'GreaterOrEqual', [between(g, x, [2, ...shape]), g.constant(0.2, x.dtype)]),
        x,
        g.op('Exp', [x]),
      ]),
  })),
  Cast: shapes(1, 3).map((shape) => ({
    shape,
    rounded: true,
    build: (g, x) => g.cast(g.op('Exp', [g.cast(x, other(x))]), x.dtype),
  })),
  CastLike: shapes(1, 3).map((shape) => ({
    shape,
    rounded: true,
    build: (g, x) => g.op('CastLike', [g.op('Exp', [g.cast(x, other(x))]), x]),
  })),
  ...Object.fromEntries(
    ['Softmax', 'LogSoftmax'].map((opType) => [
      opType,
      withAxis((g, x, axis) => g.op(opType, [x], { axis })),
    ]),
  ),
};
