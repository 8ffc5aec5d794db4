import { expect, it } from 'vitest';
import { operatorTable } from '../../../src/onnx/gradient/operator-table.ts';
import type { GraphBuilder, Value } from '../../../src/onnx/graph/index.ts';
import { type Case, withGradient } from './finite-differences.ts';

const scales = (g: GraphBuilder) => g.constant([1, 1, 0.5, 0.5]);
const resize = (attributes: object): Case => ({
  shape: [1, 2, 4, 4],
  opset: 18,
  build: (g, x) => g.op('Resize', [x, undefined, scales(g)], { mode: 'linear', ...attributes }),
});
/** A bound that nobody knows before the graph runs. */
const measured = (g: GraphBuilder, x: Value) =>
  g.op('Cast', [g.op('ReduceMax', [x], { keepdims: 0 })], { to: 7 });

/** Valid ONNX that no exporter of image classifiers is known to put between image and logits. */
const NOT_COVERED: readonly (readonly [what: string, test: Case, message: RegExp])[] = [
  [
    'the diagonal of an Einsum',
    { shape: [3, 3], build: (g, x) => g.op('Einsum', [x], { equation: 'ii->i' }) },
    /Einsum node ".+": .*a diagonal \("ii"\) is not supported/,
  ],
  ['antialias', resize({ antialias: 1 }), /Resize node ".+": .*antialias is not supported/],
  [
    'tf_crop_and_resize',
    resize({ coordinate_transformation_mode: 'tf_crop_and_resize' }),
    /Resize node ".+": .*coordinate_transformation_mode "tf_crop_and_resize" is not supported/,
  ],
  [
    'keep_aspect_ratio_policy',
    resize({ keep_aspect_ratio_policy: 'not_larger' }),
    /Resize node ".+": .*keep_aspect_ratio_policy is not supported/,
  ],
  [
    'LpNormalization with p = 1',
    { shape: [2, 3], build: (g, x) => g.op('LpNormalization', [x], { p: 1 }) },
    /LpNormalization node ".+": .*only the norm with p = 2 is supported/,
  ],
  [
    'GatherND with batch_dims',
    {
      shape: [2, 3],
      build: (g, x) =>
        g.op('GatherND', [x, g.op('Reshape', [g.ints([0, 1]), g.ints([2, 1])])], { batch_dims: 1 }),
    },
    /GatherND node ".+": .*batch_dims above 0 are not supported/,
  ],
  [
    'ScatterND that multiplies',
    {
      shape: [2, 3],
      opset: 18,
      build: (g, x) => {
        const first = g.op('Reshape', [g.ints([0]), g.ints([1, 1])]);
        return g.op('ScatterND', [x, first, g.op('Slice', [x, g.ints([0]), g.ints([1])])], {
          reduction: 'mul',
        });
      },
    },
    /ScatterND node ".+": .*its reduction "mul" is not supported/,
  ],
  [
    'column-major MaxPool',
    {
      shape: [1, 1, 4, 4],
      build: (g, x) => g.op('MaxPool', [x], { kernel_shape: [2, 2], storage_order: 1 }),
    },
    /MaxPool node ".+": .*column-major indices are not supported/,
  ],
  [
    'Slice with bounds that depend on the image',
    {
      shape: [6],
      build: (g, x) => g.op('Slice', [x, g.ints([0]), g.op('Reshape', [measured(g, x), g.ints([1])])]),
    },
    /Slice node ".+": .*its bounds must be constant/,
  ],
  [
    'LpPool',
    { shape: [1, 1, 4, 4], build: (g, x) => g.op('LpPool', [x], { kernel_shape: [2, 2] }) },
    /LpPool node ".+": no gradient rule for operator LpPool; add a row to a table in src\/onnx\/gradient\/rules/,
  ],
  [
    'CumSum',
    { shape: [4], build: (g, x) => g.op('CumSum', [x, g.constant(0, 'int64')]) },
    /CumSum node ".+": no gradient rule for operator CumSum/,
  ],
];

it.each(NOT_COVERED)('%s is an error that names the node', (_, test, message) => {
  expect(() => withGradient(test, 'float32')).toThrow(message);
});

it('docs/operators.md lists what is an error', () => {
  const [, section = ''] = operatorTable().split('## What is an error');
  for (const word of [
    'Einsum',
    'antialias',
    'tf_crop_and_resize',
    'keep_aspect_ratio_policy',
    'LpNormalization',
    'GatherND',
    'storage_order',
    'Slice',
    'LpPool',
    'If',
    'QLinearConv',
  ])
    expect(section).toContain(word);
});
