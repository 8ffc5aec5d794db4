import { describe, expect, it } from 'vitest';
import { GraphBuilder, tensorFrom, type Value } from '../../../src/onnx/graph/index.ts';
import { executionOrder, liveMemory } from '../../../src/onnx/graph/live-memory.ts';

/** Memory of f over x [N, 4] float32: 16 bytes for each image. */
function memoryOf(f: (g: GraphBuilder, x: Value) => Value, batch = 1) {
  const g = new GraphBuilder({ name: 'case' });
  g.output(f(g, g.input('x', 'float32', ['N', 4])), 'y');
  return liveMemory(g.build(), batch);
}

describe('liveMemory', () => {
  it('counts what is alive at the same time, not what was before', () => {
    const chain = memoryOf((g, x) => g.op('Tanh', [g.op('Cos', [g.op('Exp', [x])])]));
    expect(chain).toEqual({ activations: 3 * 16, peakAt: 'Cos', constants: 0 });
  });

  it('counts a value until its last reader', () => {
    const kept = memoryOf((g, x) => {
      const early = g.op('Exp', [x]);
      return g.op('Max', [g.op('Tanh', [g.op('Cos', [early])]), early]);
    });
    expect(kept.activations).toBe(4 * 16);
  });

  it('grows with the batch', () => {
    expect(memoryOf((g, x) => g.op('Exp', [x]), 8).activations).toBe(8 * 2 * 16);
  });

  it('multiplies sizes that are products of the batch', () => {
    const stacked = memoryOf((g, x) => g.op('Exp', [g.op('Reshape', [x, g.ints([-1, 2])])]), 3);
    expect(stacked.activations).toBe(3 * 2 * 16);
  });

  it('takes a view for no memory', () => {
    const view = memoryOf((g, x) => g.op('Reshape', [g.op('Exp', [x]), g.ints([0, 2, 2])]));
    expect(view.activations).toBe(2 * 16);
  });

  it('lets no sum write over its operand', () => {
    expect(memoryOf((g, x) => g.op('Add', [g.op('Exp', [x]), g.constant(1)])).activations).toBe(3 * 16);
  });

  it('counts constants apart, as they are after loading', () => {
    const { activations, constants } = memoryOf((g, x) => {
      const stored = g.initializer('w', tensorFrom('float16', [4], [1, 2, 3, 4]));
      return g.op('Add', [g.op('Exp', [x]), g.cast(stored, 'float32')]);
    });
    expect(activations).toBe(3 * 16);
    expect(constants).toBe(16);
  });
});

it('executionOrder goes back from the end, to the later of two inputs first', () => {
  const g = new GraphBuilder({ name: 'order' });
  const x = g.input('x', 'float32', [1]);
  const [first, second] = [g.op('Exp', [x]), g.op('Cos', [x])];
  g.output(g.op('Add', [first, g.op('Tanh', [second])]), 'y');
  const order = executionOrder(g.build().nodes).map(({ opType }) => opType);
  expect(order).toEqual(['Cos', 'Tanh', 'Exp', 'Add']);
});
