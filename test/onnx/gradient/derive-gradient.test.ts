import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveGradient } from '../../../src/onnx/gradient/derive-gradient.ts';
import { buildGradientGraph } from '../../../src/onnx/gradient/gradient-graph.ts';
import {
  type DataType,
  type Dim,
  type Graph,
  GraphBuilder,
  parseModel,
  tensorFrom,
  type Value,
} from '../../../src/onnx/graph/index.ts';
import { FIXTURES, readNpz } from '../fixtures.ts';
import { type Feed, largestError, run } from '../run-graph.ts';
import { gridValues } from './finite-differences.ts';

const CLASSES = 4;

interface Variant {
  readonly batch?: Dim;
  readonly size?: Dim;
  readonly dtype?: DataType;
  readonly channelsLast?: boolean;
  readonly timestep?: { readonly dtype: DataType; readonly column: boolean };
  readonly head?: (g: GraphBuilder, logits: Value) => Value;
  readonly pool?: (g: GraphBuilder, features: Value) => Value;
}

/** Convolution with stride, ReLU, pool, linear; the parts that exports differ in are parameters. */
function classifier(variant: Variant = {}): Graph {
  const { batch = 'N', size = 6, dtype = 'float32', channelsLast = false, timestep, head, pool } = variant;
  const g = new GraphBuilder({ name: 'classifier' });
  const weight = (dims: number[]) =>
    g.constantTensor(
      tensorFrom(
        dtype,
        dims,
        gridValues(dims.reduce((a, b) => a * b, 1)).map((w) => w / 3),
      ),
    );
  const image = g.input('image', dtype, channelsLast ? [batch, size, size, 3] : [batch, 3, size, size]);
  const x = channelsLast ? g.op('Transpose', [image], { perm: [0, 3, 1, 2] }) : image;
  let h = g.op('Conv', [x, weight([5, 3, 3, 3])], { strides: [2, 2], pads: [1, 1, 1, 1] });
  if (timestep !== undefined) {
    const t = g.input('t', timestep.dtype, timestep.column ? [batch, 1] : [batch]);
    const perImage = g.op('Reshape', [g.cast(t, dtype), g.ints([-1, 1, 1, 1])]);
    h = g.op('Add', [h, perImage]);
  }
  h = g.op('Relu', [h]);
  h = g.op('GlobalAveragePool', [h]);
  h = pool ? pool(g, h) : g.op('Flatten', [h]);
  const logits = g.op('MatMul', [h, weight([5, CLASSES])]);
  g.output(head ? head(g, logits) : logits, 'y');
  return g.build();
}

const IMAGES = Array.from({ length: 2 * 3 * 36 }, (_, i) => Math.sin(1.7 * i));
const TIMESTEPS = [0, 2];
const TARGET = [1, 0, 0, 0, 0, 0.25, 0.5, 0.25];
const feeds = (graph: Graph, images = 2): Record<string, Feed> => {
  const all: Record<string, Feed> = {
    x: { dims: [images, 3, 6, 6], data: IMAGES.slice(0, images * 108) },
    timestep: { dims: [images], data: TIMESTEPS.slice(0, images) },
    target: { dims: [images, CLASSES], data: TARGET.slice(0, images * CLASSES) },
  };
  return Object.fromEntries(graph.inputs.map(({ name }) => [name, all[name]!]));
};

async function expectSame(
  variant: Variant,
  plain: Variant = {},
  tolerance = 1e-6,
): Promise<readonly string[]> {
  const names = {
    image: 'image',
    logits: 'y',
    ...(plain.timestep !== undefined && { timestep: 't' }),
  };
  const reference = buildGradientGraph(classifier(plain), names);
  const { graph, notes } = await deriveGradient(classifier(variant));
  const [expected, actual] = [await run(reference, feeds(reference)), await run(graph, feeds(graph))];
  expect(graph.inputs.map(({ dtype }) => dtype)).toEqual(graph.inputs.map(() => 'float32'));
  for (const name of ['gradient', 'log_probs']) {
    expect(actual[name]!.dims).toEqual(expected[name]!.dims);
    expect(largestError(actual[name]!.data, expected[name]!.data)).toBeLessThan(tolerance);
  }
  expect(Math.max(...actual.gradient!.data.map(Math.abs))).toBeGreaterThan(2 * tolerance);
  return notes;
}

describe('deriveGradient', () => {
  it('has nothing to say about a classifier that gives logits', async () => {
    expect(await expectSame({})).toEqual([]);
  });

  it('finds what PyTorch exported without being told, and gives its gradient', async () => {
    const model = parseModel(readFileSync(`${FIXTURES}/classifiers/time_cnn.onnx`));
    const { graph, names, operators } = await deriveGradient(model);
    expect(names).toEqual({ image: 'image', timestep: 'timestep', logits: 'logits' });
    expect(operators.get('Conv')).toBe(2);
    expect(operators.has('Sin')).toBe(false);
    const io = readNpz('classifiers/time_cnn_io.npz');
    const answer = await run(graph, {
      x: { dims: io.array('image').shape, data: io.float32('image') },
      timestep: { dims: [2], data: io.float32('timestep') },
      target: { dims: [2, 10], data: io.float32('target') },
    });
    expect(largestError(answer.gradient!.data, io.float32('grad'))).toBeLessThan(1e-7);
  });

  it.each<[string, NonNullable<Variant['head']>]>([
    ['Softmax', (g, z) => g.op('Softmax', [z], { axis: 1 })],
    ['LogSoftmax', (g, z) => g.op('LogSoftmax', [z], { axis: -1 })],
    ['Log of Softmax', (g, z) => g.op('Log', [g.op('Softmax', [z], { axis: -1 })])],
    ['Softmax', (g, z) => g.op('Identity', [g.op('Softmax', [z])])],
  ])('takes the logits before a final %s', async (name, head) => {
    const notes = await expectSame({ head });
    expect(notes).toEqual([expect.stringContaining(`y ends in ${name}: the logits are its input`)]);
  });

  it('leaves a Softmax over another axis alone', async () => {
    const { notes } = await deriveGradient(classifier({ head: (g, z) => g.op('Softmax', [z], { axis: 0 }) }));
    expect(notes).toEqual([]);
  });

  it('differentiates the logarithm of a final Sigmoid, class by class', async () => {
    const { graph, notes } = await deriveGradient(classifier({ head: (g, z) => g.op('Sigmoid', [z]) }));
    expect(notes).toEqual([expect.stringContaining('log p(k) = log sigmoid of its input, ')]);
    const logProbsAt = async (shift: number) => {
      const inputs = feeds(graph);
      const data = IMAGES.with(7, IMAGES[7]! + shift);
      return run(graph, { ...inputs, x: { dims: [2, 3, 6, 6], data } });
    };
    const weighted = async (shift: number) => {
      const { log_probs } = await logProbsAt(shift);
      return log_probs!.data.reduce((sum, value, i) => sum + value * TARGET[i]!, 0);
    };
    const step = 2 ** -5;
    const slope = ((await weighted(step)) - (await weighted(-step))) / (2 * step);
    const { gradient, log_probs } = await logProbsAt(0);
    expect(gradient!.data[7]! / slope).toBeCloseTo(1, 2);
    const plain = await run(classifier(), { image: { dims: [2, 3, 6, 6], data: IMAGES } });
    const expected = plain.y!.data.map((z) => Math.log(1 / (1 + Math.exp(-z))));
    expect(largestError(log_probs!.data, expected)).toBeLessThan(1e-6);
  });

  it('transposes for an image with its channels last', async () => {
    expect(await expectSame({ channelsLast: true })).toEqual([expect.stringContaining('channels last')]);
  });

  it('casts for a classifier in half precision', async () => {
    expect(await expectSame({ dtype: 'float16' }, {}, 1e-3)).toHaveLength(2);
  });

  it.each([
    { dtype: 'int64', column: false },
    { dtype: 'float32', column: true },
    { dtype: 'int32', column: true },
  ] as const)('feeds a timestep of type %o from float32 [N]', async (timestep) => {
    const plain: Variant = { timestep: { dtype: 'float32', column: false } };
    const notes = await expectSame({ timestep }, plain);
    expect(notes.join(' ')).toMatch(/timestep is/);
  });

  it('drops axes of size 1 behind the logits', async () => {
    const head: Variant['head'] = (g, z) => g.op('Reshape', [z, g.ints([-1, CLASSES, 1, 1])]);
    expect(await expectSame({ head })).toEqual([expect.stringContaining('axes of size 1')]);
  });

  it('names the node of an operator without a rule, and where to add one', async () => {
    const head: Variant['head'] = (g, z) => g.op('CumSum', [z, g.constant(1, 'int64')]);
    await expect(deriveGradient(classifier({ head }))).rejects.toThrow(
      /CumSum node ".*": no gradient rule for operator CumSum; add a row to a table in src\/onnx\/gradient\/rules/,
    );
  });

  it('refuses a softmax over one class', async () => {
    const head: Variant['head'] = (g, z) => g.reduce('ReduceSum', z, [1]);
    await expect(deriveGradient(classifier({ head }))).rejects.toThrow('one class');
  });
});

describe('a fixed batch size', () => {
  it.each<[string, Variant['pool']]>([
    ['as it is', undefined],
    ['with a Reshape to [1, -1]', (g, h) => g.op('Reshape', [h, g.ints([1, -1])])],
    ['with a Reshape to [1, 5]', (g, h) => g.op('Reshape', [h, g.ints([1, 5])])],
    ['with a Reshape where 0 means 0', (g, h) => g.op('Reshape', [h, g.ints([1, 5])], { allowzero: 1 })],
    [
      'with a class token',
      (g, h) => {
        const token = g.constantTensor(tensorFrom('float32', [1, 5, 1, 1], [1, 2, 3, 4, 5]));
        const tokens = g.op('Concat', [h, token], { axis: 2 });
        return g.op('Flatten', [g.op('Slice', [tokens, g.ints([0]), g.ints([1]), g.ints([2])])]);
      },
    ],
    [
      'with a Resize to [1, 5, 2, 2]',
      (g, h) => {
        const large = g.op('Resize', [h, undefined, undefined, g.ints([1, 5, 2, 2])]);
        return g.op('Flatten', [g.op('GlobalAveragePool', [large])]);
      },
    ],
  ])('is freed, %s', async (_, pool) => {
    const notes = await expectSame({ batch: 1, ...(pool && { pool }) });
    expect(notes).toEqual([expect.stringContaining('batch size was 1 and is free now')]);
  });

  it('is kept where the graph needs it, and the graph still runs', async () => {
    const pool: Variant['pool'] = (g, h) => {
      const all = g.op('Gather', [g.op('Reshape', [h, g.ints([-1])]), g.ints([0, 1, 2, 3, 4])]);
      return g.op('Unsqueeze', [all, g.ints([0])]);
    };
    const { graph, notes } = await deriveGradient(classifier({ batch: 1, pool }));
    expect(notes).toEqual([expect.stringContaining('the batch size stays 1')]);
    expect(graph.inputs[0]!.shape).toEqual([1, 3, 6, 6]);
    expect((await run(graph, feeds(graph, 1))).gradient!.dims).toEqual([1, 3, 6, 6]);
  });

  it('is kept where images of a batch would see each other', async () => {
    const pool: Variant['pool'] = (g, h) => g.op('Softmax', [g.op('Flatten', [h])], { axis: 0 });
    const { notes } = await deriveGradient(
      classifier({ batch: 1, pool: (g, h) => g.op('Add', [pool(g, h), g.op('Flatten', [h])]) }),
    );
    expect(notes).toEqual([expect.stringContaining('a larger batch gave other answers')]);
  });

  it('of 3 is freed as well', async () => {
    const pool: Variant['pool'] = (g, h) => g.op('Reshape', [h, g.ints([3, 5])]);
    const { graph, notes } = await deriveGradient(classifier({ batch: 3, pool }));
    expect(graph.inputs.map(({ shape }) => shape[0])).toEqual(['N', 'N']);
    expect(notes).toEqual([expect.stringContaining('batch size was 3 and is free now')]);
  });

  const token = (g: GraphBuilder, images: number, step = 0) =>
    g.constantTensor(
      tensorFrom(
        'float32',
        [images, 5, 1, 1],
        Array.from({ length: images * 5 }, (_, i) => 1 + (i % 5) + step * i),
      ),
    );
  const withToken = (tokens: (g: GraphBuilder) => Value): NonNullable<Variant['pool']> => {
    return (g, h) =>
      g.op('ReduceSum', [g.op('Concat', [tokens(g), h], { axis: 2 }), g.ints([2, 3])], { keepdims: 0 });
  };

  it.each<[string, (g: GraphBuilder) => Value]>([
    ['repeated', (g) => g.op('Expand', [token(g, 1), g.ints([3, 5, 1, 1])])],
    ['written down three times', (g) => token(g, 3)],
  ])('of 3 with a class token, %s, is freed', async (_, tokens) => {
    const { graph, notes } = await deriveGradient(classifier({ batch: 3, pool: withToken(tokens) }));
    expect(notes).toEqual([expect.stringContaining('batch size was 3 and is free now')]);
    expect((await run(graph, feeds(graph))).gradient!.dims).toEqual([2, 3, 6, 6]);
  });

  it('of 3 with another token for each image is kept', async () => {
    const pool = withToken((g) => token(g, 3, 1));
    const { notes } = await deriveGradient(classifier({ batch: 3, pool }));
    expect(notes).toEqual([expect.stringContaining('the batch size stays 3')]);
  });

  it('of 3 whose images see each other is kept', async () => {
    const pool: Variant['pool'] = (g, h) => {
      const flat = g.op('Flatten', [h]);
      return g.op('Add', [flat, g.op('Softmax', [flat], { axis: 0 })]);
    };
    const { graph, notes } = await deriveGradient(classifier({ batch: 3, pool }));
    expect(notes).toEqual([expect.stringContaining('the batch size stays 3: a larger batch')]);
    expect(graph.inputs.map(({ shape }) => shape[0])).toEqual([3, 3]);
  });
});

describe('an open image size', () => {
  it('is an error where a rule needs it, which says how to give it', async () => {
    await expect(deriveGradient(classifier({ size: 'S' }))).rejects.toThrow(
      /node .* must be known .*; the classifier leaves its image size open: say which with --size/,
    );
  });

  it('is what the caller says', async () => {
    const { graph } = await deriveGradient(classifier({ size: 'S' }), { imageSize: [6, 8] });
    expect(graph.inputs[0]!.shape).toEqual(['N', 3, 6, 8]);
  });
});
