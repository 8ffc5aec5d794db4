import { describe, expect, it } from 'vitest';
import {
  elements,
  type Graph,
  GraphBuilder,
  lazyTensor,
  parseModel,
  serializeModel,
  tensor,
  tensorFrom,
} from '../../../src/onnx/graph/index.ts';
import { inferShapes } from '../../../src/onnx/shapes/infer.ts';
import { largestError, run } from '../run-graph.ts';

const weights = Float16Array.from({ length: 36 }, (_, i) => Math.sin(i));

/** A bit of everything: half-precision weight, several outputs, every kind of attribute, a left-out input. */
function sample(): Graph {
  const g = new GraphBuilder({ name: 'sample' });
  const x = g.input('x', 'float32', ['N', 2, 4, 4]);
  const w = g.weight('conv.weight', tensor('float16', [2, 2, 3, 3], weights));
  const convolved = g.op('Conv', [x, w], { pads: [1, 1, 1, 1], auto_pad: 'NOTSET' });
  const [a, b] = g.ops('Split', [convolved], { axis: 1 }, 2);
  const larger = g.op('Resize', [a, undefined, g.constant([1, 1, 2, 2])], { mode: 'nearest' });
  const back = g.op('AveragePool', [larger], { kernel_shape: [2, 2], strides: [2, 2] });
  const sum = g.op('Add', [back, g.op('LeakyRelu', [b!], { alpha: 0.5 })]);
  g.output(sum, 'y');
  g.output(x, 'same');
  return g.build();
}

const x = { dims: [2, 2, 4, 4], data: Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)) };

describe('serializeModel and parseModel', () => {
  it('give the same bytes for the same graph', () => {
    expect(serializeModel(sample())).toEqual(serializeModel(sample()));
  });

  it('come back to the same bytes after a round trip', () => {
    const bytes = serializeModel(sample());
    expect(serializeModel(inferShapes(parseModel(bytes)))).toEqual(bytes);
  });

  it('keep what the graph computes', async () => {
    const before = await run(sample(), { x });
    const after = await run(parseModel(serializeModel(sample())), { x });
    expect(after).toEqual(before);
    expect(before.y!.dims).toEqual([2, 1, 4, 4]);
    expect(largestError(before.same!.data, x.data)).toBe(0);
  });

  it('keep names, types and symbolic shapes of inputs and outputs', () => {
    const { inputs, outputs } = parseModel(serializeModel(sample()));
    expect(inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['N', 2, 4, 4] }]);
    expect(outputs).toEqual([
      { name: 'y', dtype: 'float32', shape: ['N', 1, 4, 4] },
      { name: 'same', dtype: 'float32', shape: ['N', 2, 4, 4] },
    ]);
  });

  it('store a half-precision weight in half precision', () => {
    const stored = parseModel(serializeModel(sample())).initializers.get('conv.weight')!;
    expect([stored.dtype, stored.dims]).toEqual(['float16', [2, 2, 3, 3]]);
    expect(elements(stored)).toEqual(weights);
  });

  it('ask for the bytes of a weight only when the model is written', () => {
    let asked = 0;
    const g = new GraphBuilder({ name: 'lazy' });
    const big = lazyTensor('float32', [2], () => {
      asked++;
      return new Uint8Array(8);
    });
    g.output(g.op('Add', [g.input('x', 'float32', ['N', 2]), g.weight('w', big)]), 'y');
    const graph = g.build();
    expect(asked).toBe(0);
    serializeModel(graph);
    expect(asked).toBeGreaterThan(0);
  });
});

describe('parseModel', () => {
  it.each([
    ['random bytes', Uint8Array.of(1, 2, 3, 250, 9)],
    ['nothing', new Uint8Array()],
    ['half a model', serializeModel(sample()).slice(0, 300)],
  ])('refuses %s as no ONNX model', (_, bytes) => {
    expect(() => parseModel(bytes)).toThrow(/not an ONNX model|needs \d+ bytes/);
  });
});

describe('serializeModel', () => {
  it('refuses a constant whose data do not fit its shape', () => {
    expect(() => tensorFrom('float32', [2, 2], [1, 2, 3])).toThrow('needs 4 elements, not the 3');
  });
});
