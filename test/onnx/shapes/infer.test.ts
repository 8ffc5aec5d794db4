import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dim, type Graph, GraphBuilder, parseModel, type Value } from '../../../src/onnx/graph/index.ts';
import { inferShapes } from '../../../src/onnx/shapes/infer.ts';
import { FIXTURES } from '../fixtures.ts';
import { run } from '../run-graph.ts';

function infer(shape: readonly Dim[], build: (g: GraphBuilder, x: Value) => Value): Value {
  const g = new GraphBuilder({ name: 'shapes' });
  return build(g, g.input('x', 'float32', shape));
}

/** The inferred shape next to the one the engine gives. */
async function bothShapes(shape: readonly number[], build: (g: GraphBuilder, x: Value) => Value) {
  const g = new GraphBuilder({ name: 'shapes' });
  const y = build(g, g.input('x', 'float32', shape));
  g.output(y, 'y');
  const count = shape.reduce((product, size) => product * size, 1);
  const answer = await run(g.build(), { x: { dims: shape, data: new Float32Array(count) } });
  return { inferred: y.shape, actual: answer.y!.dims };
}

const CASES: readonly [string, readonly number[], (g: GraphBuilder, x: Value) => Value][] = [
  [
    'MatMul of batches',
    [2, 1, 3, 4],
    (g, x) => g.op('MatMul', [x, g.op('Expand', [g.constant(1), g.ints([5, 4, 2])])]),
  ],
  ['MatMul by a vector', [2, 3], (g, x) => g.op('MatMul', [x, g.constant([1, 2, 3])])],
  ['Einsum', [2, 3, 4], (g, x) => g.op('Einsum', [x, x], { equation: 'abc,adc->abd' })],
  ['Reshape with 0 and -1', [2, 3, 4], (g, x) => g.op('Reshape', [x, g.ints([0, -1])])],
  ['Flatten', [2, 3, 4], (g, x) => g.op('Flatten', [x], { axis: 2 })],
  [
    'Slice from the end',
    [7, 5],
    (g, x) =>
      g.op('Slice', [x, g.ints([-3, 4]), g.ints([2 ** 31 - 1, -100]), g.ints([0, 1]), g.ints([2, -3])]),
  ],
  [
    'Gather with a matrix',
    [4, 3],
    (g, x) => g.op('Gather', [x, g.op('Reshape', [g.ints([0, 1, 1, 3]), g.ints([2, 2])])], { axis: 0 }),
  ],
  ['Pad', [2, 3], (g, x) => g.op('Pad', [x, g.ints([1, 0, 2, 3])])],
  ['Tile', [2, 3], (g, x) => g.op('Tile', [x, g.ints([2, 3])])],
  [
    'Resize by scales',
    [1, 1, 3, 5],
    (g, x) => g.op('Resize', [x, undefined, g.constant([1, 1, 1.5, 2])], { mode: 'nearest' }),
  ],
  [
    'Resize by scales put together from parts',
    [1, 1, 3, 5],
    (g, x) => {
      const scales = g.op('Concat', [g.constant([1, 1]), g.constant([1.5, 2])], { axis: 0 });
      return g.op('Resize', [x, undefined, scales], { mode: 'nearest' });
    },
  ],
  [
    'Resize to sizes',
    [1, 1, 3, 5],
    (g, x) => g.op('Resize', [x, undefined, undefined, g.ints([1, 1, 4, 9])], { mode: 'nearest' }),
  ],
  ['DepthToSpace', [1, 8, 2, 3], (g, x) => g.op('DepthToSpace', [x], { blocksize: 2 })],
  ['ReduceMean of chosen axes', [2, 3, 4], (g, x) => g.reduce('ReduceMean', x, [-1, 0], false)],
  ['ArgMax', [2, 3, 4], (g, x) => g.cast(g.op('ArgMax', [x], { axis: 1, keepdims: 0 }), 'float32')],
  [
    'ConvTranspose with output padding',
    [1, 2, 3, 4],
    (g, x) =>
      g.op('ConvTranspose', [x, g.op('Expand', [g.constant(1), g.ints([2, 3, 3, 3])])], {
        strides: [2, 3],
        pads: [1, 0, 1, 0],
        output_padding: [1, 2],
      }),
  ],
  ['Trilu', [3, 4], (g, x) => g.op('Trilu', [x], { upper: 0 })],
  ['Concat', [2, 3], (g, x) => g.op('Concat', [x, x, x], { axis: -1 })],
  [
    'Unsqueeze and Squeeze',
    [2, 1, 3],
    (g, x) => g.op('Squeeze', [g.op('Unsqueeze', [x, g.ints([0, -1])]), g.ints([2])]),
  ],
];

describe('inferShapes', () => {
  it.each(CASES)('%s has the shape that the engine gives', async (_, shape, build) => {
    const { inferred, actual } = await bothShapes(shape, build);
    expect(inferred).toEqual(actual);
  });

  it('agrees with the engine on pools and convolutions of any window', async () => {
    const small = (min: number, max: number) => fc.integer({ min, max });
    const windows = fc.record({
      opType: fc.constantFrom('Conv', 'AveragePool', 'MaxPool'),
      size: fc.tuple(small(4, 9), small(4, 9)),
      kernel_shape: fc.tuple(small(1, 3), small(2, 4)),
      strides: fc.tuple(small(1, 3), small(1, 3)),
      pads: fc.tuple(small(0, 1), small(0, 1), small(0, 1), small(0, 1)),
      ceil_mode: small(0, 1),
      same: fc.constantFrom('NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
    });
    await fc.assert(
      fc.asyncProperty(windows, async ({ opType, size, kernel_shape, strides, pads, ceil_mode, same }) => {
        fc.pre(kernel_shape[0] > 1 || pads.every((pad) => pad === 0));
        // The engine refuses the padding that a stride beyond the window would take.
        fc.pre(strides.every((stride, axis) => stride <= kernel_shape[axis]!));
        const padding = same === 'NOTSET' ? { pads } : { auto_pad: same };
        const { inferred, actual } = await bothShapes([1, 2, ...size], (g, x) => {
          const attributes = { kernel_shape, strides, ...padding };
          if (opType !== 'Conv') {
            // Rounding up is only defined together with explicit padding.
            return g.op(opType, [x], { ...attributes, ceil_mode: same === 'NOTSET' ? ceil_mode : 0 });
          }
          const w = g.op('Expand', [g.constant(1), g.ints([3, 2, ...kernel_shape])]);
          return g.op('Conv', [x, w], attributes);
        });
        expect(inferred).toEqual(actual);
      }),
      { numRuns: 80, seed: 3 },
    );
  });

  it('carries a symbolic batch through a network', () => {
    const y = infer(['N', 6, 4, 4], (g, x) => {
      const tokens = g.op('Reshape', [x, g.ints([0, 6, -1])]);
      const swapped = g.op('Transpose', [tokens], { perm: [0, 2, 1] });
      return g.op('MatMul', [swapped, tokens]);
    });
    expect(y.shape).toEqual(['N', 16, 16]);
  });

  it.each([
    ['before', 'bij,bjk->bik', 0],
    ['after', 'bjk,bij->bik', 1],
  ])('keeps a symbolic batch in an Einsum with what there is one of, %s it', (_, equation, place) => {
    const y = infer(['N', 6, 4], (g, x) => {
      const one = g.op('Expand', [g.constant(1), g.ints([1, 4, 5])]);
      return g.op('Einsum', place === 0 ? [x, one] : [one, x], { equation });
    });
    expect(y.shape).toEqual(['N', 6, 5]);
  });

  it('follows shape arithmetic on a symbolic batch', () => {
    const y = infer(['N', 6, 4, 4], (g, x) => {
      const batch = g.op('Gather', [g.op('Shape', [x]), g.constant(0, 'int64')], { axis: 0 });
      const merged = g.op('Unsqueeze', [g.op('Mul', [batch, g.constant(2, 'int64')]), g.ints([0])]);
      const perHead = g.op('Reshape', [x, g.op('Concat', [merged, g.ints([3, -1])], { axis: 0 })]);
      expect(perHead.shape).toEqual(['2*N', 3, 16]);
      const target = g.op('Concat', [g.op('Unsqueeze', [batch, g.ints([0])]), g.ints([-1])], { axis: 0 });
      return g.op('Reshape', [perHead, target]);
    });
    expect(y.shape).toEqual(['N', 96]);
  });

  it.each(['time_cnn', 'gap_relu6', 'convnext'])('types every value of %s, exported by PyTorch', (name) => {
    const graph: Graph = inferShapes(parseModel(readFileSync(`${FIXTURES}/classifiers/${name}.onnx`)));
    const untyped = graph.nodes
      .flatMap(({ outputs }) => outputs)
      .filter((output) => !graph.values.has(output));
    expect(untyped).toEqual([]);
    expect(graph.values.get('logits')?.shape).toEqual(['N', 10]);
  });
});
