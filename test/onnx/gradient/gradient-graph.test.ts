import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkClassifier } from '../../../src/onnx/gradient/check-classifier.ts';
import { buildGradientGraph } from '../../../src/onnx/gradient/gradient-graph.ts';
import {
  type Graph,
  GraphBuilder,
  parseModel,
  serializeModel,
  tensorFrom,
} from '../../../src/onnx/graph/index.ts';
import { FIXTURES, readNpz } from '../fixtures.ts';
import { type Feed, largestError, load, run } from '../run-graph.ts';

const model = (name: string): Uint8Array => readFileSync(`${FIXTURES}/classifiers/${name}.onnx`);
const NAMES = { image: 'image', logits: 'logits' };
const namesOf = (name: string) => (name === 'time_cnn' ? { ...NAMES, timestep: 'timestep' } : NAMES);

async function errorsOf(name: string) {
  const io = readNpz(`classifiers/${name}_io.npz`);
  return checkClassifier(model(name), namesOf(name), {
    shape: io.array('image').shape,
    image: io.float32('image'),
    target: io.float32('target'),
    logProbs: io.float32('log_probs'),
    gradient: io.float32('grad'),
    ...(io.has('timestep') && { timestep: io.float32('timestep') }),
  });
}

/** logits = flatten(x)[..., :3] * 2 + timestep */
function tinyClassifier(opset?: number): Graph {
  const g = new GraphBuilder({ name: 'tiny', ...(opset !== undefined && { opset }) });
  const x = g.input('image', 'float32', ['N', 1, 2, 2]);
  const t = g.input('t', 'float32', ['N']);
  const weight = g.constantTensor({ dtype: 'float32', dims: [4, 3], bytes: () => weightBytes });
  const features = g.op('MatMul', [g.op('Flatten', [x]), weight]);
  const scaled = g.op('Mul', [features, g.op('Unsqueeze', [t, g.ints([1])])]);
  g.output(g.op('Tanh', [scaled]), 'scores');
  return g.build();
}
const weightBytes = new Uint8Array(Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)).buffer);
const TINY = { image: 'image', timestep: 't', logits: 'scores' };

describe('the gradient graph of classifiers exported by PyTorch', () => {
  it.each(['time_cnn', 'gap_relu6', 'convnext'])('%s gives the gradient that PyTorch gives', async (name) => {
    const { logProbs, gradient } = await errorsOf(name);
    expect(logProbs).toBeLessThan(2e-6);
    expect(gradient).toBeLessThan(1e-7);
  });

  it.each(['time_cnn', 'gap_relu6', 'convnext'])('%s comes out as the same bytes every time', (name) => {
    const once = () => serializeModel(buildGradientGraph(parseModel(model(name)), namesOf(name)));
    expect(once()).toEqual(once());
  });

  it.each(['gap_relu6', 'convnext'])('%s computes nothing twice and nothing in vain', (name) => {
    const { nodes, outputs } = buildGradientGraph(parseModel(model(name)), namesOf(name));
    const spelled = nodes.map(({ opType, inputs, attributes }) =>
      JSON.stringify([opType, inputs, attributes]),
    );
    expect(new Set(spelled).size).toBe(spelled.length);
    const read = new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)]);
    expect(nodes.filter((node) => !node.outputs.some((output) => read.has(output)))).toEqual([]);
  });

  it('holds each weight once', () => {
    const bytes = model('gap_relu6');
    const gradient = serializeModel(buildGradientGraph(parseModel(bytes), NAMES));
    expect(gradient.byteLength).toBeLessThan(1.2 * bytes.byteLength + 4000);
  });
});

describe('the interface of the gradient graph', () => {
  it('takes x, timestep and target, with a free batch size, and gives gradient and log_probs', () => {
    const graph = buildGradientGraph(tinyClassifier(), TINY);
    expect(graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['x', ['N', 1, 2, 2]],
      ['timestep', ['N']],
      ['target', ['N', 3]],
    ]);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['gradient', ['N', 1, 2, 2]],
      ['log_probs', ['N', 3]],
    ]);
  });

  it('gives every image of a batch what it gets alone, at its own timestep', async () => {
    const evaluate = await load(buildGradientGraph(tinyClassifier(), TINY));
    const data = Float32Array.from({ length: 12 }, (_, i) => Math.cos(i));
    const target = [1, 0, 0, 0, 0.5, 0.5, 2, -1, 0];
    const timesteps = [0.5, 2, -1];
    const feeds = (from: number, to: number): Record<string, Feed> => ({
      x: { dims: [to - from, 1, 2, 2], data: data.slice(4 * from, 4 * to) },
      timestep: { dims: [to - from], data: timesteps.slice(from, to) },
      target: { dims: [to - from, 3], data: target.slice(3 * from, 3 * to) },
    });
    const together = await evaluate(feeds(0, 3));
    for (const i of [0, 1, 2]) {
      const alone = await evaluate(feeds(i, i + 1));
      const part = together.gradient!.data.slice(4 * i, 4 * i + 4);
      expect(largestError(part, alone.gradient!.data)).toBeLessThan(1e-7);
    }
    expect(
      largestError(together.gradient!.data.slice(0, 4), together.gradient!.data.slice(4, 8)),
    ).toBeGreaterThan(0.1);
  });

  it('is linear in the target, and zero for a zero target', async () => {
    const evaluate = await load(buildGradientGraph(tinyClassifier(), TINY));
    const gradientOf = async (target: number[]) => {
      const x = { dims: [1, 1, 2, 2], data: [0.3, -0.2, 0.8, 0.1] };
      const feeds = { x, timestep: { dims: [1], data: [1] }, target: { dims: [1, 3], data: target } };
      return (await evaluate(feeds)).gradient!.data;
    };
    const [a, b, both] = await Promise.all(
      [
        [1, 0, 0],
        [0, 0, 2],
        [1, 0, 2],
      ].map(gradientOf),
    );
    expect(
      largestError(
        both!,
        a!.map((value, i) => value + b![i]!),
      ),
    ).toBeLessThan(1e-6);
    expect((await gradientOf([0, 0, 0])).every((value) => value === 0)).toBe(true);
  });

  it('lets inner values of the classifier be called x, target or gradient', async () => {
    const g = new GraphBuilder({ name: 'clash' });
    const image = g.input('image', 'float32', ['N', 4]);
    const x = g.initializer('x', { dtype: 'float32', dims: [4, 3], bytes: () => weightBytes });
    const target = g.initializer('target', tensorFrom('float32', [3], [1, 2, 3]));
    const gradient = g.op('Gemm', [image, x, target]);
    g.output(gradient, 'gradient');
    const graph = buildGradientGraph(g.build(), { image: 'image', logits: 'gradient' });
    const { log_probs } = await run(graph, {
      x: { dims: [1, 4], data: [0, 0, 0, 0] },
      target: { dims: [1, 3], data: [1, 0, 0] },
    });
    const total = Math.log(Math.E + Math.E ** 2 + Math.E ** 3);
    expect(largestError(log_probs!.data, [1 - total, 2 - total, 3 - total])).toBeLessThan(1e-6);
  });
});

describe("what can't be differentiated", () => {
  it.each([
    ['a missing input', { ...TINY, image: 'picture' }, /no input named picture; it has image, t/],
    ['a missing output', { ...TINY, logits: 'logits' }, /no output named logits; it has scores/],
    ['an input nobody named', { image: 'image', logits: 'scores' }, /neither image nor timestep: t/],
  ])('%s is named', (_, names, message) => {
    expect(() => buildGradientGraph(tinyClassifier(), names)).toThrow(message);
  });

  it('refuses operator sets from before 13, and says so', () => {
    expect(() => buildGradientGraph({ ...tinyClassifier(), opset: 11 }, TINY)).toThrow(/operator set 11/);
  });

  it('refuses operators of other domains by name', () => {
    const graph = tinyClassifier();
    graph.nodes = graph.nodes.map((node) => ({ ...node, domain: 'com.example' }));
    expect(() => buildGradientGraph(graph, TINY)).toThrow(/com\.example\.Flatten/);
  });
});
