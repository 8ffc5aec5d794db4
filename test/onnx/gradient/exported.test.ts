import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveGradient } from '../../../src/onnx/gradient/derive-gradient.ts';
import { parseModel } from '../../../src/onnx/graph/index.ts';
import { FIXTURES, readNpz } from '../fixtures.ts';
import { largestError, run } from '../run-graph.ts';

/** What each network has that others have not (test/fixtures/onnx/classifiers/make-tiny.py). */
const NETWORKS = [
  ['tiny_swin', 'shifted windows, with sizes computed in the graph', ['Pad', 'Slice', 'Concat']],
  ['tiny_swin_dynamo', 'the same from the newer exporter', ['Pad', 'Slice', 'LayerNormalization']],
  ['tiny_vit', 'a class token, Einsum, and the sequence before the batch', ['Einsum', 'Concat', 'Gather']],
  ['tiny_vit_single', 'the same for one image', ['Einsum', 'Concat', 'Gather']],
  [
    'tiny_shuffle',
    'channel shuffle, squeeze and excitation',
    ['Split', 'HardSigmoid', 'HardSwish', 'MaxPool'],
  ],
  [
    'tiny_channels_last',
    'channels last, and padding by auto_pad',
    ['Transpose', 'Clip', 'MaxPool', 'ReduceMean'],
  ],
] as const;

describe("the gradient of an exported network is PyTorch's own", () => {
  it.each(NETWORKS)('%s: %s', async (name, _, operators) => {
    const model = parseModel(readFileSync(`${FIXTURES}/classifiers/${name}.onnx`));
    const derived = await deriveGradient(model);
    const io = readNpz(`classifiers/${name}_io.npz`);
    const answer = await run(derived.graph, {
      x: { dims: io.array('image').shape, data: io.float32('image') },
      target: { dims: io.array('target').shape, data: io.float32('target') },
    });
    const expected = io.numbers('grad_f64');
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(scale).toBeGreaterThan(1e-3);
    expect(largestError(answer.gradient!.data, expected) / scale).toBeLessThan(5e-6);
    expect(largestError(answer.log_probs!.data, io.float32('log_probs'))).toBeLessThan(5e-6);
    expect([...derived.operators.keys()]).toEqual(expect.arrayContaining([...operators]));
  });

  it('for any number of images, where it was exported for one', async () => {
    const model = parseModel(readFileSync(`${FIXTURES}/classifiers/tiny_vit_single.onnx`));
    const { graph, notes } = await deriveGradient(model);
    expect(graph.inputs.map(({ shape }) => shape[0])).toEqual(['N', 'N']);
    expect(notes).toEqual([expect.stringContaining('batch size was 1 and is free now')]);
  });
});
