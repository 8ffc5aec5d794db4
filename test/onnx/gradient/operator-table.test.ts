import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { operatorTable } from '../../../src/onnx/gradient/operator-table.ts';
import { differentiableOperators, OPERATOR_FAMILIES } from '../../../src/onnx/gradient/registry.ts';
import { RANDOM_CASES } from './random/index.ts';

const DOCUMENT = new URL('../../../docs/operators.md', import.meta.url);

it('docs/operators.md is the table as it is (npm run -s cairn -- gradient --operators)', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(operatorTable());
});

/** What image classifiers exported from PyTorch, TensorFlow and timm use; Upsample is read as Resize. */
const CLASSIFIERS_USE = `
  Conv ConvTranspose Gemm MatMul Add Sub Mul Div Neg Pow Sqrt Exp Log Abs Min Max Clip Relu LeakyRelu PRelu Elu
  HardSigmoid HardSwish Sigmoid Tanh Softplus Erf Gelu Softmax LogSoftmax BatchNormalization InstanceNormalization
  LayerNormalization GroupNormalization LRN MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceSum
  ReduceMax ReduceL2 Reshape Flatten Transpose Concat Split Slice Gather Pad Resize Expand Where Squeeze Unsqueeze Cast
  Identity Dropout Einsum DepthToSpace SpaceToDepth`
  .trim()
  .split(/\s+/);

it('has a row, and one only, for each operator that image classifiers use', () => {
  const rows = Object.values(OPERATOR_FAMILIES).flatMap((rules) => Object.keys(rules));
  const counts = CLASSIFIERS_USE.map((opType) => [opType, rows.filter((row) => row === opType).length]);
  expect(counts).toEqual(CLASSIFIERS_USE.map((opType) => [opType, 1]));
  expect(new Set(rows).size).toBe(rows.length);
});

it('has random cases, held against finite differences, for each of its rows', () => {
  expect(Object.keys(RANDOM_CASES).sort()).toEqual(differentiableOperators);
});

it('has one row for each operator with a rule', () => {
  const rows = [...operatorTable().matchAll(/^\| (\w+) \|.*rules\//gm)].map(([, opType]) => opType);
  expect(rows).toEqual(differentiableOperators);
});
