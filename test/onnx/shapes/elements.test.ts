import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dim, GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { run } from '../run-graph.ts';

type Build = (g: GraphBuilder, sizes: Value) => Value;

/** What shape inference knows of a value computed from the sizes of an image of this shape. */
function known(shape: readonly Dim[], build: Build): readonly Dim[] | undefined {
  const g = new GraphBuilder({ name: 'sizes' });
  return build(g, g.op('Shape', [g.input('x', 'float32', shape)])).elements;
}

/** What the engine computes, for an image of that shape. */
async function computed(shape: readonly number[], build: Build): Promise<readonly number[]> {
  const g = new GraphBuilder({ name: 'sizes' });
  const value = build(g, g.op('Shape', [g.input('x', 'float32', shape)]));
  g.output(g.cast(value, 'float32'), 'y');
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  return (await run(g.build(), { x: { dims: shape, data } })).y!.data;
}

const at = (g: GraphBuilder, sizes: Value, index: number) =>
  g.op('Gather', [sizes, g.constant(index, 'int64')], { axis: 0 });
const int = (g: GraphBuilder, value: number) => g.constant(value, 'int64');

/** What exporters compute with sizes. */
const IDIOMS: Readonly<Record<string, Build>> = {
  'pads to a multiple of 7, paired and reversed': (g, sizes) => {
    const missing = g.op('Mod', [
      g.op('Sub', [int(g, 7), g.op('Mod', [at(g, sizes, 2), int(g, 7)])]),
      int(g, 7),
    ]);
    const pads = g.op('Concat', [g.ints([0]), g.op('Reshape', [missing, g.ints([1])]), g.ints([0, 0])], {
      axis: 0,
    });
    const padded = g.op(
      'Concat',
      [pads, g.op('ConstantOfShape', [g.ints([4])], { value: tensorFrom('int64', [1], [0]) })],
      {
        axis: 0,
      },
    );
    const pairs = g.op('Reshape', [padded, g.ints([-1, 2])]);
    const reversed = g.op('Slice', [pairs, g.ints([-1]), g.ints([-(2 ** 31)]), g.ints([0]), g.ints([-1])]);
    return g.op('Reshape', [g.op('Transpose', [reversed], { perm: [1, 0] }), g.ints([-1])]);
  },
  'sizes with 1 in place of -1, to expand a token': (g, sizes) => {
    const target = g.op('Concat', [g.op('Slice', [sizes, g.ints([2]), g.ints([3])]), g.ints([-1, -1])], {
      axis: 0,
    });
    const ones = g.op('ConstantOfShape', [g.ints([3])], { value: tensorFrom('int64', [1], [1]) });
    return g.op('Where', [g.op('Equal', [target, g.op('Mul', [ones, int(g, -1)])]), ones, target]);
  },
  'the last axis split at a position that is computed': (g, sizes) => {
    const last = g.op('Reshape', [g.op('Mod', [g.ints([-1]), g.ints([4])]), g.ints([1])]);
    const front = g.op('Slice', [sizes, g.ints([0]), last]);
    const back = g.op('Slice', [sizes, g.op('Add', [last, g.ints([1])]), g.ints([2 ** 31 - 1])]);
    return g.op('Concat', [front, g.ints([3, -1]), back], { axis: 0 });
  },
  'a size scaled in floating point and rounded up': (g, sizes) => {
    const half = g.op('Mul', [g.cast(at(g, sizes, 3), 'float32'), g.constant(0.5)]);
    return g.cast(g.op('Ceil', [half]), 'int64');
  },
  'what SAME pads for a stride of 2, never less than 0': (g, sizes) => {
    const size = g.cast(at(g, sizes, 2), 'float32');
    const last = g.op('Mul', [
      g.op('Sub', [g.op('Ceil', [g.op('Div', [size, g.constant(2)])]), g.constant(1)]),
      g.constant(2),
    ]);
    return g.cast(g.op('Clip', [g.op('Sub', [last, size]), g.constant(0)]), 'int64');
  },
  'the same of a size that the exporter has written down': (g) => {
    const last = g.op('Sub', [g.op('Ceil', [g.constant(4.5)]), g.constant(1)]);
    const missing = g.op('Clip', [
      g.op('Sub', [g.op('Mul', [last, g.constant(2)]), g.constant(7)]),
      g.constant(0),
    ]);
    return g.cast(g.op('Unsqueeze', [missing, g.ints([0])]), 'int64');
  },
  'two sizes scaled at once': (g, sizes) => {
    const image = g.cast(g.op('Slice', [sizes, g.ints([2]), g.ints([4])]), 'float32');
    const target = g.cast(g.op('Floor', [g.op('Mul', [image, g.constant([1.5, 2])])]), 'int64');
    return g.op('Concat', [g.op('Slice', [sizes, g.ints([0]), g.ints([2])]), target], { axis: 0 });
  },
  'a size times what is a third in single precision only': (g, sizes) =>
    g.op('Ceil', [g.op('Mul', [g.cast(at(g, sizes, 1), 'float32'), g.constant(1 / 3)])]),
  'places of the pixels, counted in floating point': (g, sizes) =>
    g.op('Range', [g.constant(0.5), g.cast(at(g, sizes, 2), 'float32'), g.constant(1)]),
  'scales put together from parts': (g) =>
    g.op('Concat', [g.constant([1, 1]), g.constant([2, 1.5])], { axis: 0 }),
  'a condition on a size': (g, sizes) => {
    const large = g.op('And', [
      g.op('Greater', [at(g, sizes, 2), int(g, 8)]),
      g.op('Not', [g.op('LessOrEqual', [at(g, sizes, 3), int(g, 2)])]),
    ]);
    return g.op('Where', [large, g.op('Max', [at(g, sizes, 2), at(g, sizes, 3)]), g.op('Neg', [int(g, 5)])]);
  },
};

describe('what is known of sizes on their way through a graph', () => {
  it.each(Object.entries(IDIOMS))('%s', async (_, build) => {
    const elements = known([2, 3, 10, 5], build);
    expect(elements).toBeDefined();
    expect(await computed([2, 3, 10, 5], build)).toEqual(elements);
  });

  it.each(Object.entries(IDIOMS))('is known too with an open batch: %s', (_, build) => {
    const numbers = (elements: readonly Dim[] | undefined) => elements?.map((dim) => (dim === 'N' ? 2 : dim));
    expect(numbers(known(['N', 3, 10, 5], build))).toEqual(known([2, 3, 10, 5], build));
  });

  it('is nothing where it depends on an open size', () => {
    const positive: Build = (g, sizes) =>
      g.op('Where', [g.op('Equal', [at(g, sizes, 0), int(g, 1)]), sizes, sizes]);
    expect(known(['N', 3], positive)).toBeUndefined();
    expect(known(['N', 3], (g, sizes) => g.op('Mod', [at(g, sizes, 0), int(g, 4)]))).toBeUndefined();
  });

  it('is nothing where it would be data, whatever a small file makes it grow to', () => {
    const zero = (g: GraphBuilder) => int(g, 0);
    expect(known([3], (g) => g.op('Range', [zero(g), int(g, 2 ** 40), int(g, 1)]))).toBeUndefined();
    const doubled = (times: number): Build =>
      function build(g, sizes) {
        return times === 0 ? sizes : doubled(times - 1)(g, g.op('Concat', [sizes, sizes], { axis: 0 }));
      };
    expect(known([3, 4], doubled(5))).toHaveLength(64);
    expect(known([3, 4], doubled(40))).toBeUndefined();
  });

  it('a range without an end is an error', () => {
    const endless: Build = (g) => g.op('Range', [int(g, 0), int(g, 5), int(g, 0)]);
    expect(() => known([3], endless)).toThrow('it goes from 0 to 5 in steps of 0');
  });

  it('is what the engine computes, whatever moves and combines it', async () => {
    const step = fc.record({
      opType: fc.constantFrom(
        'Add',
        'Sub',
        'Mul',
        'Div',
        'Mod',
        'Max',
        'Min',
        'Transpose',
        'Slice',
        'Gather',
        'Expand',
        'Concat',
      ),
      number: fc.integer({ min: 1, max: 5 }),
      axis: fc.integer({ min: 0, max: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const build: Build = (g, sizes) =>
          steps.reduce(
            (x, { opType, number, axis }) => {
              switch (opType) {
                case 'Transpose':
                  return g.op(opType, [x], { perm: [1, 0] });
                case 'Slice':
                  return g.op(opType, [x, g.ints([-1]), g.ints([-number - 1]), g.ints([axis]), g.ints([-1])]);
                case 'Gather':
                  return g.op(opType, [x, g.op('Reshape', [g.ints([0, -1]), g.ints([2])])], { axis });
                case 'Expand':
                  return g.op(opType, [
                    g.op('Slice', [x, g.ints([0]), g.ints([1]), g.ints([axis])]),
                    g.ints(axis ? [1, 3] : [3, 1]),
                  ]);
                case 'Concat':
                  return g.op(opType, [x, x], { axis: 0 });
                default:
                  return g.op(opType, [x, int(g, number)]);
              }
            },
            g.op('Reshape', [sizes, g.ints([2, 2])]),
          );
        const elements = known([2, 3, 10, 5], build);
        const answer = await computed([2, 3, 10, 5], build);
        if (answer.length <= 64) expect(elements).toEqual(answer);
        else expect(elements).toBeUndefined();
      }),
      { numRuns: 40, seed: 5 },
    );
  });
});
