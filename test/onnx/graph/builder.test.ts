import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Value } from '../../../src/onnx/graph/index.ts';
import { run } from '../run-graph.ts';

function builder(): { g: GraphBuilder; x: Value } {
  const g = new GraphBuilder({ name: 'test' });
  return { g, x: g.input('x', 'float32', ['N', 4]) };
}

describe('GraphBuilder', () => {
  it('knows type and shape of what it builds', () => {
    const { g, x } = builder();
    expect(
      g.op('MatMul', [
        x,
        g.constantTensor({ dtype: 'float32', dims: [4, 7], bytes: () => new Uint8Array(112) }),
      ]),
    ).toMatchObject({
      dtype: 'float32',
      shape: ['N', 7],
    });
  });

  it('gives one value for the same operator asked for twice', () => {
    const { g, x } = builder();
    expect(g.op('Exp', [x])).toBe(g.op('Exp', [x]));
    expect(g.op('Softmax', [x], { axis: 0 })).not.toBe(g.op('Softmax', [x], { axis: 1 }));
    expect(g.constant([1, 2])).toBe(g.constant([1, 2]));
    expect(g.constant(1)).not.toBe(g.constant(1, 'float64'));
    expect(g.constant(1)).not.toBe(g.constant([1]));
  });

  it('names nodes after their scope and operator, each once', () => {
    const { g, x } = builder();
    const [a, b] = g.scope('middle', () =>
      g.scope('0', () => [g.op('Exp', [x]), g.op('Exp', [g.op('Exp', [x])])]),
    );
    expect([a!.name, b!.name]).toEqual(['middle/0/Exp', 'middle/0/Exp_2']);
    expect(g.op('Exp', [b!]).name).toBe('Exp');
  });

  it('leaves out what no output needs', () => {
    const { g, x } = builder();
    g.op('Log', [g.op('Add', [x, g.constant([9, 9, 9, 9])])]);
    g.output(g.op('Exp', [x]), 'y');
    const graph = g.build();
    expect(graph.nodes.map(({ opType, outputs }) => [opType, outputs])).toEqual([['Exp', ['y']]]);
    expect(graph.initializers.size).toBe(0);
  });

  it('can give one value as two outputs, and an input as an output', async () => {
    const { g, x } = builder();
    const y = g.op('Neg', [x]);
    for (const [value, name] of [
      [y, 'a'],
      [y, 'b'],
      [x, 'c'],
    ] as const)
      g.output(value, name);
    const { a, b, c } = await run(g.build(), { x: { dims: [1, 4], data: [1, 2, 3, 4] } });
    expect([a!.data, b!.data, c!.data]).toEqual([
      [-1, -2, -3, -4],
      [-1, -2, -3, -4],
      [1, 2, 3, 4],
    ]);
  });

  it('keeps the name of an output that becomes another output too', async () => {
    const { g, x } = builder();
    g.output(g.op('Neg', [x]), 'a');
    g.output(g.value('a'), 'b');
    const answers = await run(g.build(), { x: { dims: [1, 4], data: [1, 2, 3, 4] } });
    expect([answers.a!.data, answers.b!.data]).toEqual([
      [-1, -2, -3, -4],
      [-1, -2, -3, -4],
    ]);
  });

  it('asks an existing node for another output', () => {
    const g = new GraphBuilder({ name: 'pool' });
    const x = g.input('x', 'float32', ['N', 1, 4, 4]);
    const y = g.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
    const indices = g.optionalOutput(y, 1);
    expect(indices).toMatchObject({ dtype: 'int64', shape: ['N', 1, 2, 2] });
    expect(g.optionalOutput(y, 1)).toBe(indices);
    g.output(y, 'y');
    g.output(indices, 'at');
    expect(g.build().nodes).toHaveLength(1);
  });

  it('writes reduction axes as the operator set wants them', () => {
    const axesOf = (opset: number, opType: string) => {
      const g = new GraphBuilder({ name: 'reduce', opset });
      g.output(g.reduce(opType, g.input('x', 'float32', ['N', 4]), [1]), 'y');
      const { inputs, attributes } = g.build().nodes[0]!;
      return inputs.length === 2 ? 'input' : attributes.axes?.value;
    };
    expect([axesOf(17, 'ReduceMean'), axesOf(18, 'ReduceMean'), axesOf(17, 'ReduceSum')]).toEqual([
      [1],
      'input',
      'input',
    ]);
  });

  it.each<[string, (g: GraphBuilder, x: Value) => Value, RegExp]>([
    ['an unknown operator', (g, x) => g.op('Frobnicate', [x]), /Frobnicate node "Frobnicate": no shape rule/],
    [
      'shapes that do not broadcast',
      (g, x) => g.op('Add', [x, g.constant([1, 2, 3])]),
      /4 and 3 can't be broadcast.*x float32\[N, 4\]/,
    ],
    ['types that differ', (g, x) => g.op('Mul', [x, g.constant(2, 'float64')]), /float32 and float64/],
    [
      'an axis outside the rank',
      (g, x) => g.op('Concat', [x, x], { axis: 2 }),
      /axis 2 lies outside a tensor of rank 2/,
    ],
    [
      'a float where an integer belongs',
      (g, x) => g.op('Softmax', [x], { axis: 0.5 }),
      /attribute axis takes integers/,
    ],
  ])('refuses %s and says where', (_, build, message) => {
    const { g, x } = builder();
    expect(() => build(g, x)).toThrow(message);
  });

  it('refuses a second input or output of the same name', () => {
    const { g, x } = builder();
    expect(() => g.input('x', 'float32', [])).toThrow('already has a value named x');
    expect(() => g.output(x, 'x')).toThrow('already has a value named x');
  });
});
