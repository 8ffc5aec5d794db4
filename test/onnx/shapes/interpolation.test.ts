import { describe, expect, it } from 'vitest';
import { type AttributeInput, GraphBuilder } from '../../../src/onnx/graph/index.ts';
import { NodeContext } from '../../../src/onnx/shapes/context.ts';
import { interpolationWeights } from '../../../src/onnx/shapes/interpolation.ts';
import { run } from '../run-graph.ts';

const BEFORE = [3, 5] as const;
const MODES: readonly AttributeInput[] = [
  ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map((nearest_mode) => ({
    mode: 'nearest',
    nearest_mode,
  })),
  { mode: 'linear' },
  { mode: 'cubic' },
  { mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 },
];
const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
const TARGETS = [
  [1, 2],
  [6, 3],
  [4, 7],
  [5, 10],
] as const;

/** Resize by the engine, and by the weights along both axes. */
async function bothWays(attributes: AttributeInput, sizes: readonly number[], byScale: boolean) {
  const g = new GraphBuilder({ name: 'resize', opset: 18 });
  const x = g.input('x', 'float32', [1, 1, ...BEFORE]);
  const scales = g.constant([1, 1, ...sizes.map((size, axis) => size / BEFORE[axis]!)]);
  const inputs = byScale ? [x, undefined, scales] : [x, undefined, undefined, g.ints([1, 1, ...sizes])];
  g.output(g.op('Resize', inputs, attributes), 'y');
  const graph = g.build();
  const node = new NodeContext(graph.nodes[0]!, graph);
  const data = Array.from({ length: 15 }, (_, i) => Math.sin(i * i));
  const { y } = await run(graph, { x: { dims: [1, 1, ...BEFORE], data } });
  const [rows, columns] = BEFORE.map((before, axis) =>
    interpolationWeights(node, axis + 2, [before, sizes[axis]!]),
  );
  const own = rows!.flatMap((row) =>
    columns!.map((column) =>
      row.reduce(
        (sum, a, i) => sum + column.reduce((inner, b, j) => inner + a * b * data[i * BEFORE[1] + j]!, 0),
        0,
      ),
    ),
  );
  return { shape: y!.dims, engine: y!.data, own };
}

describe('interpolationWeights', () => {
  it.each(MODES)('give what the engine gives: %o', async (attributes) => {
    for (const coordinate_transformation_mode of COORDINATES) {
      for (const [sizes, byScale] of TARGETS.flatMap(
        (target) =>
          [
            [target, true],
            [target, false],
          ] as const,
      )) {
        const { shape, engine, own } = await bothWays(
          { ...attributes, coordinate_transformation_mode },
          sizes,
          byScale,
        );
        expect(shape).toEqual([1, 1, ...sizes]);
        own.forEach((value, i) => void expect(value).toBeCloseTo(engine[i]!, 4));
      }
    }
  });

  it.each([
    [{ coordinate_transformation_mode: 'tf_crop_and_resize' }, '"tf_crop_and_resize" is not supported'],
    [{ keep_aspect_ratio_policy: 'not_larger' }, 'keep_aspect_ratio_policy is not supported'],
    [{ antialias: 1 }, 'antialias is not supported'],
    [{ mode: 'lanczos' }, 'mode "lanczos" is not known'],
  ])('refuse what they do not cover: %o', (attributes, message) => {
    const g = new GraphBuilder({ name: 'resize', opset: 18 });
    const x = g.input('x', 'float32', [1, 1, 2, 2]);
    g.output(
      g.op('Resize', [x, undefined, undefined, g.ints([1, 1, 4, 4])], { mode: 'linear', ...attributes }),
      'y',
    );
    const graph = g.build();
    const node = new NodeContext(graph.nodes[0]!, graph);
    expect(() => interpolationWeights(node, 2, [2, 4])).toThrow(message);
  });
});
