import { describe, expect, it } from 'vitest';
import type { Attributes } from '../../../src/onnx/graph/attribute.ts';
import { type Graph, GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
import { withoutDeprecated } from '../../../src/onnx/graph/modernize.ts';
import { run } from '../run-graph.ts';

/** x [1, 1, 2, 2] doubled in width, by a Resize that is then called Upsample. */
function upsample(mode: 'nearest' | 'linear' | 'bilinear', asAttribute: boolean): Graph {
  const g = new GraphBuilder({ name: 'upsample' });
  const x = g.input('x', 'float32', [1, 1, 2, 2]);
  g.output(g.op('Resize', [x, undefined, g.constant([1, 1, 1, 2])], {}), 'y');
  const graph = g.build();
  const attributes: Attributes = {
    mode: { type: 'string', value: mode },
    ...(asAttribute && { scales: { type: 'floats', value: [1, 1, 1, 2] } as const }),
  };
  const nodes = graph.nodes.map((node) => ({
    ...node,
    opType: 'Upsample',
    inputs: asAttribute ? ['x'] : ['x', node.inputs[2]!],
    attributes,
  }));
  return { ...graph, nodes };
}

const X = { x: { dims: [1, 1, 2, 2], data: [1, 2, 3, 4] } };

describe('withoutDeprecated', () => {
  it.each([true, false])('makes a Resize of Upsample (scales as an attribute: %s)', async (asAttribute) => {
    const nearest = await run(withoutDeprecated(upsample('nearest', asAttribute)), X);
    expect(nearest.y!.data).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
    for (const mode of ['linear', 'bilinear'] as const) {
      const { y } = await run(withoutDeprecated(upsample(mode, asAttribute)), X);
      expect(y!.data).toEqual([1, 1.5, 2, 2, 3, 3.5, 4, 4]);
    }
  });

  it('leaves other graphs as they are', () => {
    const graph = upsample('nearest', true);
    const modern = withoutDeprecated(graph);
    expect(withoutDeprecated(modern)).toBe(modern);
    expect(serializeModel(modern)).not.toEqual(serializeModel(graph));
  });
});
