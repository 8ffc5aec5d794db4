import { describe, expect, it } from 'vitest';
import { differentiableOperators, gradientRule } from '../../../src/onnx/gradient/registry.ts';
import { type GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { inferableOperators } from '../../../src/onnx/shapes/infer.ts';
import { type Case, compare, gridValues, positiveValues } from './finite-differences.ts';

const unary = (opType: string, attributes = {}): Case => ({
  shape: [3, 4],
  build: (g, x) => g.op(opType, [x], attributes),
});
const positive = (test: Case): Case => ({ ...test, values: positiveValues });
const wide = (test: Case): Case => ({ ...test, values: (count) => gridValues(count).map((x) => 9 * x) });

function constant(g: GraphBuilder, like: Value, dims: readonly number[], shift = 0): Value {
  const count = dims.reduce((product, size) => product * size, 1);
  const data = gridValues(count).map((value) => (value * 3) / (1 + count / 20) + shift);
  return g.constantTensor(tensorFrom(like.dtype, dims, data));
}

const twice = (opType: string): readonly Case[] => [
  { shape: [2, 3], build: (g, x) => g.op(opType, [x, constant(g, x, [2, 3], 3)]) },
  { shape: [2, 3], build: (g, x) => g.op(opType, [constant(g, x, [2, 3], 3), x]), values: positiveValues },
  // Broadcast either way, by size 1 and by a missing axis.
  { shape: [3, 1], build: (g, x) => g.op(opType, [x, constant(g, x, [2, 1, 4], 3)]) },
  { shape: [4], build: (g, x) => g.op(opType, [constant(g, x, [2, 1, 4], 3), x]), values: positiveValues },
  { shape: [2, 3], build: (g, x) => g.op(opType, [x, x]), values: positiveValues },
];

const reduce = (opType: string): readonly Case[] => [
  positive({ shape: [2, 3, 4], build: (g, x) => g.reduce(opType, x, [1]) }),
  positive({ shape: [2, 3, 4], build: (g, x) => g.reduce(opType, x, [0, -1], false) }),
  positive({ shape: [2, 3], build: (g, x) => g.op(opType, [x], { keepdims: 0 }) }),
];

const conv = (x: number[], w: number[], attributes = {}): Case => ({
  shape: x,
  build: (g, input) => g.op('Conv', [input, constant(g, input, w), constant(g, input, [w[0]!])], attributes),
});
const convTranspose = (x: number[], w: number[], attributes = {}): Case => ({
  shape: x,
  build: (g, input) => g.op('ConvTranspose', [input, constant(g, input, w)], attributes),
});
const pool = (opType: string, shape: number[], attributes = {}): Case => ({
  shape,
  build: (g, x) => g.op(opType, [x], attributes),
});
const matMul = (a: number[], b: number[]): Case => ({
  shape: a,
  build: (g, x) => g.op('MatMul', [x, constant(g, x, b)]),
});
const matMulRight = (a: number[], b: number[]): Case => ({
  shape: b,
  build: (g, x) => g.op('MatMul', [constant(g, x, a), x]),
});
const gemm = (shape: number[], other: number[], side: 'a' | 'b' | 'c', attributes: object): Case => ({
  shape,
  build: (g, x) => {
    const b = constant(g, x, other);
    if (side === 'c') return g.op('Gemm', [constant(g, x, [2, 3]), b, x], { ...attributes });
    return g.op('Gemm', side === 'a' ? [x, b] : [b, x], { ...attributes });
  },
});
const einsum = (equation: string, shape: number[], other: number[], side = 0): Case => ({
  shape,
  build: (g, x) => {
    const rest = constant(g, x, other);
    return g.op('Einsum', side === 0 ? [x, rest] : [rest, x], { equation });
  },
});
const resize = (factors: number[], attributes: object): Case => ({
  shape: [1, 2, 3, 2],
  build: (g, x) =>
    g.op('Resize', [x, undefined, g.constant([1, 1, ...factors])], { mode: 'nearest', ...attributes }),
});
const normalization = (shape: number[], scaled: boolean): Case => ({
  shape,
  build: (g, x) => {
    const channels = shape[1]!;
    const plain = (value: number) =>
      g.constant(
        Array.from({ length: channels }, () => value),
        x.dtype,
      );
    const weights = scaled
      ? [constant(g, x, [channels], 1), constant(g, x, [channels])]
      : [plain(1), plain(0)];
    return g.op('InstanceNormalization', [x, ...weights], { epsilon: 0.1 });
  },
});

/** The forms that matter, one by one. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  Add: twice('Add'),
  Sub: twice('Sub'),
  Mul: twice('Mul'),
  Div: twice('Div'),
  Pow: [
    { shape: [6], build: (g, x) => g.op('Pow', [x, g.constant(2, x.dtype)]) },
    { shape: [6], build: (g, x) => g.op('Pow', [x, g.constant(3, x.dtype)]) },
    positive({ shape: [6], build: (g, x) => g.op('Pow', [x, g.constant(0.5, x.dtype)]) }),
    positive({ shape: [6], build: (g, x) => g.op('Pow', [x, g.constant(-1.5, x.dtype)]) }),
    positive({ shape: [3], build: (g, x) => g.op('Pow', [constant(g, x, [2, 3], 3), x]) }),
  ],
  Neg: [unary('Neg')],
  Abs: [unary('Abs')],
  Sqrt: [positive(unary('Sqrt'))],
  Reciprocal: [positive(unary('Reciprocal'))],
  Exp: [unary('Exp')],
  Log: [positive(unary('Log'))],
  Sin: [unary('Sin')],
  Cos: [unary('Cos')],
  Erf: [unary('Erf')],
  Sum: [{ shape: [3], build: (g, x) => g.op('Sum', [x, constant(g, x, [2, 3]), x]) }],
  Mean: [{ shape: [3], build: (g, x) => g.op('Mean', [x, constant(g, x, [2, 3]), x]) }],
  Max: [{ shape: [3], build: (g, x) => g.op('Max', [x, constant(g, x, [2, 3], 0.013)]) }],
  Min: [{ shape: [3], build: (g, x) => g.op('Min', [constant(g, x, [2, 3], 0.013), x]) }],
  Clip: [
    { shape: [12], build: (g, x) => g.op('Clip', [x, g.constant(-0.2, x.dtype), g.constant(0.4, x.dtype)]) },
  ],
  Where: [
    {
      shape: [3],
      build: (g, x) => {
        const condition = g.op('Greater', [constant(g, x, [4, 3]), g.constant(0, x.dtype)]);
        return g.op('Where', [condition, x, g.op('Mul', [x, constant(g, x, [4, 3])])]);
      },
    },
  ],
  Cast: [
    {
      shape: [3],
      rounded: true,
      build: (g, x) => g.cast(g.op('Exp', [g.cast(x, 'float32')]), x.dtype),
    },
  ],
  Identity: [{ shape: [3], build: (g, x) => g.op('Exp', [g.op('Identity', [x])]) }],
  Dropout: [{ shape: [3], build: (g, x) => g.op('Exp', [g.op('Dropout', [x])]) }],
  Relu: [unary('Relu')],
  LeakyRelu: [unary('LeakyRelu', { alpha: 0.3 })],
  PRelu: [
    { shape: [4, 3], build: (g, x) => g.op('PRelu', [x, constant(g, x, [3])]) },
    { shape: [3], build: (g, x) => g.op('PRelu', [constant(g, x, [4, 3]), x]) },
  ],
  Elu: [unary('Elu', { alpha: 0.7 })],
  Selu: [unary('Selu')],
  Sigmoid: [unary('Sigmoid'), { shape: [5], build: (g, x) => g.op('Mul', [x, g.op('Sigmoid', [x])]) }],
  Tanh: [unary('Tanh')],
  Softplus: [unary('Softplus')],
  HardSigmoid: [wide(unary('HardSigmoid', { alpha: 0.2, beta: 0.5 }))],
  HardSwish: [wide({ ...unary('HardSwish') })],
  Gelu: [
    { ...unary('Gelu'), opset: 20 },
    { ...unary('Gelu', { approximate: 'tanh' }), opset: 20 },
  ],
  Softmax: [unary('Softmax'), { shape: [2, 3, 2], build: (g, x) => g.op('Softmax', [x], { axis: 1 }) }],
  LogSoftmax: [unary('LogSoftmax'), { shape: [3, 2], build: (g, x) => g.op('LogSoftmax', [x], { axis: 0 }) }],
  Conv: [
    conv([2, 3, 4, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
    conv([1, 2, 5, 5], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    conv([1, 2, 6, 6], [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
    conv([1, 2, 4, 4], [3, 2, 1, 1]),
    conv([1, 4, 4, 4], [6, 2, 3, 2], { group: 2, pads: [0, 1, 2, 0] }),
    conv([1, 3, 5, 4], [3, 1, 3, 3], { group: 3, auto_pad: 'SAME_UPPER' }),
    conv([1, 2, 6, 5], [2, 2, 2, 2], { dilations: [2, 3], pads: [1, 1, 1, 1] }),
    conv([1, 2, 3, 3], [2, 2, 1, 1], { pads: [1, 1, 1, 1] }),
    conv([2, 3, 7], [4, 3, 3], { strides: [2] }),
    conv([2, 3, 5], [2, 3, 1]),
  ],
  ConvTranspose: [
    convTranspose([1, 3, 3, 3], [3, 2, 3, 3], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    }),
    convTranspose([1, 4, 3], [4, 1, 2], { group: 2 }),
  ],
  AveragePool: [
    pool('AveragePool', [1, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
    pool('AveragePool', [1, 2, 5, 5], { kernel_shape: [2, 2], strides: [2, 2] }),
    pool('AveragePool', [2, 1, 5, 4], { kernel_shape: [3, 3], strides: [2, 1], pads: [1, 1, 1, 1] }),
    pool('AveragePool', [1, 2, 5, 4], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
    pool('AveragePool', [1, 1, 6, 5], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  ],
  MaxPool: [
    pool('MaxPool', [1, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
    pool('MaxPool', [2, 2, 5, 5], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    pool('MaxPool', [1, 1, 5, 4], { kernel_shape: [3, 2] }),
  ],
  GlobalAveragePool: [pool('GlobalAveragePool', [2, 3, 2, 2])],
  GlobalMaxPool: [pool('GlobalMaxPool', [2, 3, 2, 2])],
  MatMul: [
    matMul([2, 3], [3, 4]),
    matMulRight([2, 3], [3, 4]),
    matMul([2, 1, 2, 3], [3, 3, 2]),
    matMulRight([2, 2, 2, 3], [3, 2]),
    matMul([3], [2, 3, 4]),
    matMul([2, 2, 3], [3]),
    matMulRight([3], [2, 3, 2]),
    matMulRight([4, 3], [3]),
    {
      shape: [2, 3, 4],
      build: (g, x) => g.op('MatMul', [g.op('Transpose', [x], { perm: [0, 2, 1] }), x]),
    },
  ],
  Gemm: [
    gemm([2, 4], [4, 3], 'a', { alpha: 0.5 }),
    gemm([4, 2], [4, 3], 'a', { transA: 1 }),
    gemm([2, 4], [3, 4], 'a', { transB: 1 }),
    gemm([4, 2], [3, 4], 'a', { transA: 1, transB: 1 }),
    gemm([4, 3], [2, 4], 'b', {}),
    gemm([3, 4], [4, 2], 'b', { transA: 1, transB: 1 }),
    gemm([3, 4], [2, 4], 'b', { transB: 1 }),
    gemm([4], [3, 4], 'c', { beta: 0.5 }),
  ],
  Einsum: [
    einsum('bct,bcs->bts', [2, 3, 2], [2, 3, 4]),
    einsum('bts,bcs->bct', [2, 3, 4], [2, 2, 4], 1),
    einsum('nchw,c->nhw', [1, 3, 2, 2], [3]),
  ],
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax'),
  ReduceMin: reduce('ReduceMin'),
  ReduceSumSquare: reduce('ReduceSumSquare'),
  ReduceL1: reduce('ReduceL1'),
  ReduceL2: reduce('ReduceL2'),
  ReduceLogSum: reduce('ReduceLogSum'),
  ReduceLogSumExp: reduce('ReduceLogSumExp'),
  InstanceNormalization: [
    normalization([2, 3, 4], false),
    normalization([2, 2, 2, 3], true),
    normalization([1, 2, 3], true),
  ],
  LayerNormalization: [
    {
      shape: [2, 3, 4],
      build: (g, x) =>
        g.op('LayerNormalization', [x, constant(g, x, [4], 1), constant(g, x, [4])], { epsilon: 0.1 }),
    },
    {
      shape: [2, 3, 2],
      build: (g, x) => g.op('LayerNormalization', [x, constant(g, x, [3, 2], 1)], { axis: 1, epsilon: 0.1 }),
    },
  ],
  BatchNormalization: [
    {
      shape: [2, 3, 2],
      build: (g, x) => {
        const parts = [1, 0, 0.5, 3].map((shift) => constant(g, x, [3], shift));
        return g.op('BatchNormalization', [x, ...parts], { epsilon: 0.1 });
      },
    },
  ],
  Reshape: [{ shape: [2, 6], build: (g, x) => g.op('Exp', [g.op('Reshape', [x, g.ints([3, -1])])]) }],
  Flatten: [{ shape: [2, 3, 2], build: (g, x) => g.op('Exp', [g.op('Flatten', [x])]) }],
  Squeeze: [{ shape: [2, 1, 3], build: (g, x) => g.op('Squeeze', [x, g.ints([1])]) }],
  Unsqueeze: [{ shape: [2, 3], build: (g, x) => g.op('Unsqueeze', [x, g.ints([0, -1])]) }],
  Transpose: [
    { shape: [2, 3, 4], build: (g, x) => g.op('Transpose', [x], { perm: [2, 0, 1] }) },
    { shape: [2, 3, 4], build: (g, x) => g.op('Transpose', [x]) },
  ],
  Concat: [
    {
      shape: [2, 3],
      build: (g, x) => g.op('Concat', [x, constant(g, x, [2, 2]), g.op('Exp', [x])], { axis: 1 }),
    },
  ],
  Split: [
    {
      shape: [2, 5],
      build: (g, x) => {
        const [a, b] = g.ops('Split', [x, g.ints([2, 3])], { axis: 1 }, 2);
        return g.op('Concat', [g.op('Exp', [b!]), a!], { axis: 1 });
      },
    },
    { shape: [2, 4], build: (g, x) => g.op('Exp', [g.ops('Split', [x], { axis: -1 }, 2)[1]!]) },
  ],
  Expand: [{ shape: [3, 1], build: (g, x) => g.op('Exp', [g.op('Expand', [x, g.ints([2, 3, 4])])]) }],
  DepthToSpace: [
    {
      shape: [1, 8, 2, 3],
      build: (g, x) => g.op('Exp', [g.op('DepthToSpace', [x], { blocksize: 2, mode: 'DCR' })]),
    },
    {
      shape: [1, 8, 2, 3],
      build: (g, x) => g.op('Exp', [g.op('DepthToSpace', [x], { blocksize: 2, mode: 'CRD' })]),
    },
  ],
  SpaceToDepth: [
    { shape: [1, 2, 4, 2], build: (g, x) => g.op('Exp', [g.op('SpaceToDepth', [x], { blocksize: 2 })]) },
  ],
  Slice: [
    { shape: [4, 5], build: (g, x) => g.op('Slice', [x, g.ints([1, -4]), g.ints([3, 2 ** 31 - 1])]) },
    { shape: [7], build: (g, x) => g.op('Slice', [x, g.ints([1]), g.ints([6]), g.ints([0]), g.ints([2])]) },
    {
      shape: [2, 5],
      build: (g, x) => g.op('Slice', [x, g.ints([-1]), g.ints([-(2 ** 31)]), g.ints([1]), g.ints([-2])]),
    },
  ],
  Gather: [
    {
      shape: [4, 3],
      build: (g, x) => g.op('Exp', [g.op('Gather', [x, g.ints([2, 0, 2, -1])], { axis: 0 })]),
    },
    { shape: [2, 4], build: (g, x) => g.op('Gather', [x, g.constant(1, 'int64')], { axis: 1 }) },
    {
      shape: [2, 3, 2],
      build: (g, x) =>
        g.op('Gather', [x, g.op('Reshape', [g.ints([0, 2, 2, 1]), g.ints([2, 2])])], { axis: 1 }),
    },
  ],
  Pad: [{ shape: [2, 3], build: (g, x) => g.op('Exp', [g.op('Pad', [x, g.ints([1, 0, 0, 2])])]) }],
  Resize: [
    resize([2, 2], { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }),
    resize([3, 2], { coordinate_transformation_mode: 'half_pixel' }),
  ],
};

describe('the table of gradient rules', () => {
  it('has a row for every case here; random cases hold every row (random-cases.test.ts)', () => {
    expect(differentiableOperators).toEqual(expect.arrayContaining(Object.keys(CASES)));
  });

  it('has only operators whose shapes are known', () => {
    expect(differentiableOperators.filter((opType) => !inferableOperators.includes(opType))).toEqual([]);
  });

  it('says which operators no gradient passes', () => {
    expect(['Shape', 'Greater', 'Round', 'ArgMax'].map(gradientRule)).toEqual(Array(4).fill('none'));
    expect(gradientRule('NoSuchOperator')).toBeUndefined();
    expect(gradientRule('toString')).toBeUndefined();
  });

  it.each(Object.entries(CASES))('%s agrees with finite differences', async (_, cases) => {
    expect(cases.length).toBeGreaterThan(0);
    for (const test of cases) {
      const { error, gradient, expected, engine } = await compare(test);
      expect(error, `${engine}: ${gradient} against ${expected}`).toBeLessThanOrEqual(1);
    }
  });
});
