import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../src/onnx/gradient/reverse-mode.ts';
import { type Graph, GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { NodeContext } from '../../../src/onnx/shapes/context.ts';
import { compare, gridValues, withGradient } from './finite-differences.ts';

/** The gradient graph of f over a float32 input [2, 3], with an unrelated input z of the same shape. */
function gradientOf(f: (g: GraphBuilder, x: Value, z: Value) => Value): Graph {
  const g = new GraphBuilder({ name: 'case' });
  const [x, z] = ['x', 'z'].map((name) => g.input(name, 'float32', [2, 3]));
  g.output(f(g, x!, z!), 'y');
  const typed = g.build();
  const extended = GraphBuilder.extend(typed);
  const { builder, lookup } = extended;
  const y = lookup('y')!;
  const gradient = differentiate({
    extended,
    contextOf: (node) => new NodeContext(node, typed),
    output: y,
    seed: builder.input('w', 'float32', y.shape),
    input: lookup('x')!,
  });
  builder.output(gradient, 'gradient');
  return builder.build();
}

const operators = ({ nodes }: Graph): string[] => nodes.map(({ opType }) => opType).sort();

describe('differentiate', () => {
  it('adds up the gradients of a value that is used several times', async () => {
    const { error } = await compare({
      shape: [5],
      build: (g, x) => g.op('Add', [g.op('Mul', [x, g.op('Exp', [x])]), g.op('Div', [x, g.op('Exp', [x])])]),
    });
    expect(error).toBeLessThanOrEqual(1);
  });

  it('differentiates only along the path to the input', () => {
    const graph = gradientOf((g, x, z) => g.op('Mul', [g.op('Neg', [x]), g.op('Tanh', [g.op('Exp', [z])])]));
    // Forward: Exp, Tanh; backward: Mul by Tanh, Neg. Nothing for Exp and Tanh of z, nor the forward product.
    expect(operators(graph)).toEqual(['Exp', 'Mul', 'Neg', 'Tanh']);
  });

  it('uses forward values again instead of computing them', () => {
    const graph = gradientOf((g, x) => g.op('Sigmoid', [g.op('Exp', [x])]));
    expect(operators(graph).filter((opType) => opType === 'Exp' || opType === 'Sigmoid')).toEqual([
      'Exp',
      'Sigmoid',
    ]);
  });

  it('gives SiLU four element-wise operators', () => {
    const graph = gradientOf((g, x) => g.op('Mul', [x, g.op('Sigmoid', [x])]));
    expect(operators(graph)).toEqual(['Add', 'Mul', 'Mul', 'Mul', 'Sigmoid', 'Sub']);
  });

  it('does not transpose twice in a product with a transposed matrix', () => {
    const graph = gradientOf((g, x, z) => g.op('MatMul', [x, g.op('Transpose', [z], { perm: [1, 0] })]));
    expect(operators(graph)).toEqual(['MatMul']);
  });

  /** What 3x3 convolution of an image with so many channels becomes. */
  const convolutionOf = (channels: number) => {
    const dims = [3, channels, 3, 3];
    const data = Float32Array.from(gridValues(27 * channels));
    const test = {
      shape: [1, channels, 4, 4],
      build: (g: GraphBuilder, x: Value) => {
        const w = g.weight('kernel', { dtype: 'float32', dims, bytes: () => new Uint8Array(data.buffer) });
        return g.op('Conv', [x, w], { pads: [1, 1, 1, 1] });
      },
    };
    return operators(withGradient(test, 'float32').graph);
  };

  it('turns convolution into convolution, not into ConvTranspose, at stride 1', () => {
    expect(convolutionOf(4)).toEqual(['Conv', 'Conv', 'Slice', 'Transpose']);
  });

  it("turns the convolution of an image's few channels into ConvTranspose", () => {
    expect(convolutionOf(3)).toEqual(['Conv', 'ConvTranspose']);
  });

  it('names operator and node, and where to add a rule, when a rule is missing', () => {
    const cumulative = () =>
      gradientOf((g, x) => g.scope('head', () => g.op('CumSum', [x, g.constant(1, 'int64')])));
    expect(cumulative).toThrow(
      'CumSum node "head/CumSum": no gradient rule for operator CumSum; add a row to a table in src/onnx/gradient/rules',
    );
  });

  it('does not ask for rules off the path', () => {
    const graph = gradientOf((g, x, z) => g.op('Mul', [x, g.op('CumSum', [z, g.constant(1, 'int64')])]));
    expect(operators(graph)).toEqual(['CumSum', 'Mul']);
  });

  it('stops at operators that no gradient passes', () => {
    const graph = gradientOf((g, x) => g.op('Mul', [x, g.op('Sign', [x])]));
    expect(operators(graph)).toEqual(['Mul', 'Sign']);
    expect(() => gradientOf((g, x) => g.op('Round', [x]))).toThrow('y does not depend on x differentiably');
  });

  it('undoes every kind of broadcasting', async () => {
    const dims = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });
    const shapes = dims.chain((full) =>
      fc.record({
        full: fc.constant(full),
        ones: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        dropped: fc.integer({ min: 0, max: full.length - 1 }),
        opType: fc.constantFrom('Add', 'Mul', 'Sub', 'Div'),
        first: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(shapes, async ({ full, ones, dropped, opType, first }) => {
        const shape = full.map((size, axis) => (ones[axis] ? 1 : size)).slice(dropped);
        const test = {
          shape,
          values: (count: number) => gridValues(count).map((x) => Math.abs(x) + 0.5),
          build: (g: GraphBuilder, x: Value) => {
            const other = g.op('Expand', [g.constant(1.5, x.dtype), g.ints(full)]);
            return g.op(opType, first ? [x, other] : [other, x]);
          },
        };
        expect((await compare(test)).error).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('differentiates convolutions of any shape, stride, dilation, padding and grouping', async () => {
    const small = (min: number, max: number) => fc.integer({ min, max });
    const shapes = fc.record({
      size: fc.tuple(small(3, 6), small(3, 6)),
      kernel: fc.tuple(small(1, 3), small(1, 3)),
      strides: fc.tuple(small(1, 2), small(1, 3)),
      dilations: fc.tuple(small(1, 2), small(1, 1)),
      pads: fc.tuple(small(0, 2), small(0, 2), small(0, 2), small(0, 2)),
      group: small(1, 2),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ size, kernel, strides, dilations, pads, group }) => {
        const reach = kernel.map((length, axis) => (length - 1) * dilations[axis]! + 1);
        fc.pre(reach.every((length, axis) => length <= size[axis]! + pads[axis]! + pads[axis + 2]!));
        const dims = [2 * group, 2, ...kernel];
        const data = gridValues(dims.reduce((a, b) => a * b, 1)).map((value) => value / 2);
        const test = {
          shape: [1, 2 * group, ...size],
          build: (g: GraphBuilder, x: Value) => {
            const w = g.constantTensor(tensorFrom(x.dtype, dims, data));
            return g.op('Conv', [x, w], { strides, dilations, pads, group });
          },
        };
        expect((await compare(test)).error).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40, seed: 11 },
    );
  });
});
