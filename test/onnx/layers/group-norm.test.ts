import { describe, expect, it } from 'vitest';
import { GraphBuilder, tensorFrom } from '../../../src/onnx/graph/index.ts';
import { groupNorm } from '../../../src/onnx/layers/group-norm.ts';
import { compare, gridValues } from '../gradient/finite-differences.ts';
import { largestError, run } from '../run-graph.ts';

/** The definition, in double precision, for [N, C, P] with a scale and a shift per channel. */
function expectedNorm(
  x: Float32Array,
  [batch, channels, pixels]: number[],
  groups: number,
  epsilon: number,
): number[] {
  const size = (channels! / groups) * pixels!;
  const result: number[] = [];
  for (let start = 0; start < batch! * channels! * pixels!; start += size) {
    const group = Array.from(x.subarray(start, start + size));
    const mean = group.reduce((sum, value) => sum + value, 0) / size;
    const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    result.push(...group.map((value) => (value - mean) / Math.sqrt(variance + epsilon)));
  }
  return result;
}

describe('groupNorm', () => {
  it.each([1, 2, 3, 6])(
    'normalises %i groups of six channels, then scales and shifts each channel',
    async (groups) => {
      const g = new GraphBuilder({ name: 'norm' });
      const x = g.input('x', 'float32', ['N', 6, 2, 3]);
      const [weight, bias] = [1, 0].map((shift) => {
        const data = Array.from({ length: 6 }, (_, c) => shift + Math.sin(c) / 2);
        return { data, value: g.constantTensor(tensorFrom('float32', [1, 6, 1, 1], data)) };
      });
      g.output(groupNorm(g, x, weight!.value, bias!.value, { groups, epsilon: 1e-3 }), 'y');
      const data = Float32Array.from({ length: 72 }, (_, i) => 3 + Math.cos(i * i));
      const { y } = await run(g.build(), { x: { dims: [2, 6, 2, 3], data } });
      const expected = expectedNorm(data, [2, 6, 6], groups, 1e-3).map((value, i) => {
        const channel = Math.floor(i / 6) % 6;
        return value * weight!.data[channel]! + bias!.data[channel]!;
      });
      expect(y!.dims).toEqual([2, 6, 2, 3]);
      expect(largestError(y!.data, expected)).toBeLessThan(2e-6);
    },
  );

  it.each([
    ['one scale for all images', [1, 6, 1, 1]],
    ['a scale per image', [2, 6, 1, 1]],
  ])('has the right gradient with %s', async (_, dims) => {
    const { error } = await compare({
      shape: [2, 6, 1, 2],
      build: (g, x) => {
        const count = dims.reduce((product, size) => product * size, 1);
        const data = gridValues(count).map((value) => 1 + value);
        const weight = g.constantTensor(tensorFrom(x.dtype, dims, data));
        return groupNorm(g, x, weight, g.constant(0.5, x.dtype), { groups: 3, epsilon: 0.1 });
      },
    });
    expect(error).toBeLessThanOrEqual(1);
  });

  it('refuses groups that do not divide the channels', () => {
    const g = new GraphBuilder({ name: 'norm' });
    const x = g.input('x', 'float32', ['N', 6, 2]);
    expect(() => groupNorm(g, x, g.constant(1), g.constant(0), { groups: 4 })).toThrow(
      '4 groups do not divide the 6 channels of x',
    );
  });
});
