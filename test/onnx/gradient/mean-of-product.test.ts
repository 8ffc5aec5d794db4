import { expect, it } from 'vitest';
import { groupNormalize } from '../../../src/onnx/layers/group-norm.ts';
import { run } from '../run-graph.ts';
import { type Case, withGradient } from './finite-differences.ts';

const EPSILON = 1e-5;
const IMAGES = 2;
const GROUPS = 2;

/** Normalises groups of two channels, size x size. */
const groupsOf = (size: number): Case => ({
  shape: [IMAGES, 2 * GROUPS, size, size],
  build: (g, x) => groupNormalize(g, x, { groups: GROUPS, epsilon: EPSILON }),
});

const products = (size: number): number =>
  withGradient(groupsOf(size), 'float32').graph.nodes.filter(({ opType }) => opType === 'MatMul').length;

it('takes a product of rows where a mean is long, and the elements where it is short', () => {
  expect(products(48)).toBe(2);
  expect(products(44)).toBe(0);
});

it('is the mean: normalising long groups has the gradient of its formula', async () => {
  const test = groupsOf(48);
  const count = test.shape.reduce((product, size) => product * size, 1);
  const x = Float32Array.from({ length: count }, (_, i) => 3 + Math.sin(i * i) * (1 + (i % 7)));
  const w = Float32Array.from({ length: count }, (_, i) => Math.cos(i) + (i % 5) / 4);
  const { gradient } = await run(withGradient(test, 'float32').graph, {
    x: { dims: test.shape, data: x },
    w: { dims: test.shape, data: w },
  });
  const long = count / (IMAGES * GROUPS);
  for (let at = 0; at < count; at += long) {
    const expected = throughNormalization([...x.slice(at, at + long)], [...w.slice(at, at + long)]);
    const scale = Math.max(...expected.map(Math.abs));
    const errors = expected.map((value, i) => Math.abs(value - gradient!.data[at + i]!) / scale);
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  }
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The gradient of sum(w n), n = (x - mean(x)) / sqrt(var(x) + epsilon), in double precision. */
function throughNormalization(x: readonly number[], w: readonly number[]): number[] {
  const centre = mean(x);
  const deviation = Math.sqrt(mean(x.map((value) => (value - centre) ** 2)) + EPSILON);
  const normal = x.map((value) => (value - centre) / deviation);
  const along = mean(w.map((value, i) => value * normal[i]!));
  const offset = mean(w);
  return w.map((value, i) => (value - offset - normal[i]! * along) / deviation);
}
