import { describe, expect, it } from 'vitest';
import { findInterface, InterfaceError } from '../../../src/onnx/gradient/classifier-interface.ts';
import { type DataType, GraphBuilder, type Shape } from '../../../src/onnx/graph/index.ts';

type Signature = readonly [name: string, shape: Shape, dtype?: DataType];

function withInterface(inputs: readonly Signature[], outputs: readonly Signature[]) {
  const graph = new GraphBuilder({ name: 'signature' }).build();
  const values = (list: readonly Signature[]) =>
    list.map(([name, shape, dtype = 'float32']) => ({ name, shape, dtype }) as const);
  return { ...graph, inputs: values(inputs), outputs: values(outputs) };
}

const IMAGE: Signature = ['pixels', ['N', 3, 8, 8]];
const TIME: Signature = ['t', ['N'], 'int64'];
const SCORES: Signature = ['scores', ['N', 10]];

describe('findInterface', () => {
  it('takes the one image, the one timestep and the one output', () => {
    expect(findInterface(withInterface([TIME, IMAGE], [SCORES]))).toEqual({
      image: 'pixels',
      timestep: 't',
      logits: 'scores',
    });
    expect(findInterface(withInterface([IMAGE], [SCORES]))).toEqual({ image: 'pixels', logits: 'scores' });
  });

  it('prefers the output that is called logits, and ignores feature maps', () => {
    const outputs: Signature[] = [
      ['embedding', ['N', 64]],
      ['out.Logits', ['N', 10]],
      ['map', ['N', 8, 4, 4]],
    ];
    expect(findInterface(withInterface([IMAGE], outputs)).logits).toBe('out.Logits');
  });

  it('takes scores with axes of size 1 behind them', () => {
    expect(findInterface(withInterface([IMAGE], [['y', ['N', 10, 1, 1]]])).logits).toBe('y');
  });

  it('believes the caller', () => {
    const two = withInterface([IMAGE, TIME], [SCORES, ['aux', ['N', 10]]]);
    expect(findInterface(two, { logits: 'aux' }).logits).toBe('aux');
  });

  it.each([
    [
      [IMAGE, ['other', ['N', 1, 4, 4]]],
      [SCORES],
      {},
      /image may be pixels .* or other .*; say which with --input/,
    ],
    [[IMAGE], [SCORES, ['aux', ['N', 5]]], {}, /logits may be scores .* or aux .*; say which with --output/],
    [[IMAGE, TIME, ['s', ['N']]], [SCORES], {}, /timestep may be t .* or s .*; say which with --timestep/],
    [[['tokens', ['N', 77], 'int64']], [SCORES], {}, /no image found.*there is tokens int64\[N, 77\]/],
    [[['bytes', ['N', 3, 8, 8], 'uint8']], [SCORES], {}, /no image found/],
    [[IMAGE], [['map', ['N', 8, 4, 4]]], {}, /no logits found/],
    [[IMAGE, ['mask', ['N', 8, 8]]], [SCORES], {}, /no timestep found.*mask/],
    [[IMAGE, TIME, ['mask', ['N', 8, 8]]], [SCORES], { timestep: 't' }, /nothing can be fed to input mask/],
    [[IMAGE], [SCORES], { image: 'x' }, /there is no x for the image; there is pixels float32\[N, 3, 8, 8\]/],
    [[IMAGE], [SCORES], { timestep: 't' }, /there is no t for the timestep; there is none/],
    [[IMAGE, TIME], [SCORES], { image: 't' }, /t int64\[N\] can't be the image/],
  ] as const)(
    'refuses what is ambiguous or not there, and lists what there is (%#)',
    (inputs, outputs, hints, message) => {
      const find = () => findInterface(withInterface(inputs, outputs), hints);
      expect(find).toThrow(InterfaceError);
      expect(find).toThrow(message);
    },
  );
});
