import { expect, it } from 'vitest';
import { inspectionText } from '../../../src/onnx/inspect/text.ts';

const facts = { path: 'a.onnx', bytes: 2_500_000, sha256: 'ab' };

it('gives an ONNX model a line for each end and each operator, values in one column', () => {
  const text = inspectionText({
    ...facts,
    format: 'ONNX',
    kind: 'classifier',
    producer: '',
    opsets: { 'ai.onnx': 17, 'com.acme': 1 },
    parameters: 1234,
    inputs: [{ name: 'x', type: 'float32', shape: ['N', 3] }],
    outputs: [{ name: 'y', type: 'sequenceType' }],
    operators: { Conv: 12, Relu: 3 },
    externalData: [],
  });
  expect(text.split('\n')).toEqual([
    'file        a.onnx',
    'format      ONNX',
    'kind        classifier',
    'parameters  1,234',
    'size        2,500,000 bytes (2.5 MB)',
    'sha256      ab',
    'producer    (not named)',
    'opset       ai.onnx 17, com.acme 1',
    'input       x float32[N, 3]',
    'output      y sequenceType',
    'operators   15 nodes',
    '  Conv      12',
    '  Relu      3',
  ]);
});

it('marks the options of a checkpoint that have to be given', () => {
  const text = inspectionText({
    ...facts,
    format: 'safetensors',
    kind: 'UNetModel',
    parameters: 1,
    tensors: 1,
    dtypes: { float32: 1 },
    options: { channel_mult: [1, 2] },
    undetermined: ['image_size'],
  });
  expect(text).toMatch(/^channel_mult {2}\[1,2\]$/m);
  expect(text).toMatch(/^image_size {4}\?/m);
});
