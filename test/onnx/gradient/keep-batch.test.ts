import { describe, expect, it } from 'vitest';
import { keepBatch } from '../../../src/onnx/gradient/keep-batch.ts';
import { type Graph, GraphBuilder, type Shape } from '../../../src/onnx/graph/index.ts';

/** The sizes of the Reshape that takes the place of one to `target`, of a value that follows the batch. */
function reshaped(shape: Shape, target: readonly number[], size = 1, allowzero = 0): unknown {
  const g = new GraphBuilder({ name: 'reshape' });
  const data = g.input('data', 'float32', shape);
  const elements = target;
  const graph: Graph = g.build();
  graph.values.set(data.name, data);
  graph.values.set('target', { name: 'target', dtype: 'int64', shape: [target.length], elements });
  const attributes = allowzero ? { allowzero: { type: 'int', value: 1 } as const } : {};
  const node = {
    name: 'r',
    opType: 'Reshape',
    domain: '',
    inputs: ['data', 'target'],
    outputs: ['y'],
    attributes,
  };
  const [kept, ...others] = keepBatch(node, graph, { symbol: 'N', size });
  expect(others).toEqual([]);
  return kept === node ? 'as it was' : graph.values.get(kept!.inputs[1]!)!.elements;
}

describe('a Reshape to constant sizes follows the batch', () => {
  it.each([
    ['features to a row', ['N', 8, 1, 1], [1, 8], [-1, 8]],
    ['an image into windows', ['N', 2, 7, 2, 7, 6], [1, 2, 7, 2, 7, 6], [-1, 2, 7, 2, 7, 6]],
    ['windows of all images', ['N', 2, 2, 7, 7, 6], [4, 49, 6], [-1, 49, 6]],
    ['windows back into images', ['4*N', 49, 6], [1, 2, 2, 7, 7, 6], [-1, 2, 2, 7, 7, 6]],
    ['a sequence before the batch, parted', [5, 'N', 24], [5, 1, 3, 8], [5, -1, 3, 8]],
    ['its heads, joined with the batch', [5, 'N', 24], [5, 3, 8], [5, -1, 8]],
    ['its heads, back', [5, '3*N', 8], [5, 24], [-1, 24]],
    ['its places, joined with the batch', ['5*N', 24], [5, 1, 24], [5, -1, 24]],
    ['what is left to be worked out', ['N', 4, 6], [1, -1], [-1, 24]],
  ] as const)('%s', (_, shape, target, expected) => {
    expect(reshaped(shape, target)).toEqual(expected);
  });

  it('of any size', () => {
    expect(reshaped(['N', 8, 1], [3, 8], 3)).toEqual([-1, 8]);
    expect(reshaped(['4*N', 6], [3, 4, 6], 3)).toEqual([-1, 4, 6]);
    expect(reshaped([17, 'N', 32], [17, 8, 8], 2)).toEqual([17, -1, 8]);
    expect(reshaped(['17*N', 32], [17, 2, 32], 2)).toEqual([17, -1, 32]);
    expect(reshaped([17, 'N', 4, 8], [34, 32], 2)).toEqual([-1, 32]);
  });

  it('where 0 means 0', () => {
    expect(reshaped(['N', 8, 1, 1], [1, 8], 1, 1)).toEqual([-1, 8]);
  });

  it('by copying it, where other sizes are open', () => {
    expect(reshaped(['N', 8, 'H'], [1, -1])).toEqual([0, -1]);
  });

  it('and stays as it was where its data does not, or other sizes are open and 0 means 0', () => {
    expect(reshaped([1, 8], [8])).toBe('as it was');
    expect(reshaped(['M', 8], [1, 8])).toBe('as it was');
    expect(reshaped(['N', 8, 'H'], [1, -1], 1, 1)).toBe('as it was');
  });
});
