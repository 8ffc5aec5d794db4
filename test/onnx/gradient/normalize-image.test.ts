import { describe, expect, it } from 'vitest';
import { deriveGradient } from '../../../src/onnx/gradient/derive-gradient.ts';
import { type Normalization, normalizeImage } from '../../../src/onnx/gradient/normalize-image.ts';
import { type Graph, GraphBuilder } from '../../../src/onnx/graph/index.ts';
import { largestError, run } from '../run-graph.ts';

const MEAN = [0.4, 0.5];
const STD = [0.2, 0.25];
const IMAGE = Array.from({ length: 8 }, (_, i) => Math.sin(3 * i));

/** Scores of a normalised image [N, 2, 2, 2]: its squares, summed in two ways. */
function classifier(): Graph {
  const g = new GraphBuilder({ name: 'squares' });
  const x = g.input('image', 'float32', ['N', 2, 2, 2]);
  const flat = g.op('Flatten', [g.op('Mul', [x, x])]);
  const weights = g.op('Reshape', [
    g.constant(Array.from({ length: 16 }, (_, i) => Math.cos(i))),
    g.ints([8, 2]),
  ]);
  g.output(g.op('MatMul', [flat, weights]), 'y');
  return g.build();
}

const feed = (data: readonly number[]) => ({ dims: [1, 2, 2, 2], data });
const channelOf = (i: number) => (i < 4 ? 0 : 1);

describe('a classifier of normalised images', () => {
  it('takes x in [-1, 1] as it would take the image normalised by hand', async () => {
    const byHand = IMAGE.map((x, i) => ((x + 1) / 2 - MEAN[channelOf(i)]!) / STD[channelOf(i)]!);
    const { y: expected } = await run(classifier(), { image: feed(byHand) });
    const graph = normalizeImage(classifier(), 'image', { mean: MEAN, std: STD });
    const { y: actual } = await run(graph, { image: feed(IMAGE) });
    expect(largestError(actual!.data, expected!.data)).toBeLessThan(1e-5);
  });

  it('has a gradient with respect to x, through the normalisation', async () => {
    const { graph, notes } = await deriveGradient(classifier(), { normalization: { mean: MEAN, std: STD } });
    expect(notes).toEqual([expect.stringContaining('x in [-1, 1] becomes')]);
    const target = { dims: [1, 2], data: [1, 0] };
    const at = async (x: readonly number[]) => await run(graph, { x: feed(x), target });
    const { gradient } = await at(IMAGE);
    const h = 1e-2;
    for (const i of [0, 5]) {
      const [ahead, behind] = [h, -h].map((step) => IMAGE.map((x, k) => (k === i ? x + step : x)));
      const slope =
        ((await at(ahead!)).log_probs!.data[0]! - (await at(behind!)).log_probs!.data[0]!) / (2 * h);
      expect(Math.abs(slope - gradient!.data[i]!)).toBeLessThan(0.02 * Math.abs(slope) + 1e-3);
    }
  });

  it('may be normalised by one number for all channels', async () => {
    const one = normalizeImage(classifier(), 'image', { mean: [0.5], std: [0.5] });
    const { y } = await run(one, { image: feed(IMAGE) });
    expect(largestError(y!.data, (await run(classifier(), { image: feed(IMAGE) })).y!.data)).toBeLessThan(
      1e-5,
    );
  });

  it.each<[Normalization, string]>([
    [{ mean: [1, 2, 3], std: [1] }, '3 values for the mean of 2 channels'],
    [{ mean: [0], std: [1, 0] }, 'a std of 1,0; expected numbers above 0'],
  ])('is not normalised by %j', (normalization, message) => {
    expect(() => normalizeImage(classifier(), 'image', normalization)).toThrow(message);
  });
});
