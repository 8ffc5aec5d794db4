import { describe, expect, it } from 'vitest';
import { buildModel } from '../../../src/onnx/architectures/build-model.ts';
import { addResidual } from '../../../src/onnx/architectures/layers.ts';
import { optionsFromReference } from '../../../src/onnx/architectures/reference-options.ts';
import { Scope } from '../../../src/onnx/architectures/scope.ts';
import { Weights } from '../../../src/onnx/architectures/weights.ts';
import { openCheckpoint } from '../../../src/onnx/checkpoint/checkpoint.ts';
import { buildGradientGraph } from '../../../src/onnx/gradient/gradient-graph.ts';
import { type Graph, GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
import ort from '../../../src/onnx/onnxruntime.ts';
import { checkpointPath, constructors, largestError, readNpz } from '../fixtures.ts';
import { run } from '../run-graph.ts';

const optionsOf = (name: string, change: Record<string, unknown> = {}) => {
  const { class: className, constructor_arguments } = constructors[name]!;
  return optionsFromReference(className, { ...constructor_arguments, ...change });
};

/** Element types of what each operator gives, for the operators that tell the torso from the rest. */
function typesOf(graph: Graph, opType: string): Set<string> {
  const nodes = graph.nodes.filter((node) => node.opType === opType);
  return new Set(nodes.map(({ outputs }) => graph.values.get(outputs[0]!)!.dtype));
}

describe('a torso in half precision', () => {
  it('convolves and multiplies in half; norms, softmax and embeddings are float32', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath('superres_a1.pt'));
    const graph = buildModel(checkpoint, optionsOf('superres_a1'), { torso: 'float16' });
    expect(typesOf(graph, 'MatMul')).toEqual(new Set(['float16']));
    for (const opType of ['InstanceNormalization', 'Softmax', 'Gemm', 'Resize']) {
      const expected = opType === 'Resize' ? ['float16', 'float32'] : ['float32'];
      expect([...typesOf(graph, opType)].sort(), opType).toEqual(expected);
    }
    const convolutions = graph.nodes.filter(({ opType }) => opType === 'Conv');
    const wide = convolutions.filter(({ outputs }) => graph.values.get(outputs[0]!)!.dtype === 'float32');
    expect(wide.length).toBe(1);
    expect(graph.outputs.map(({ dtype }) => dtype)).toEqual(['float32']);
  });

  it.each([
    ['superres_a1', 'output', 0.03],
    ['unet_a3', 'output', 0.03],
    ['tiny_a', 'logits', 0.003],
  ])('answers as %s does, to the precision of halves', async (name, output, tolerance) => {
    await using checkpoint = await openCheckpoint(checkpointPath(`${name}.pt`));
    const graph = buildModel(checkpoint, optionsOf(name), { torso: 'float16' });
    const io = readNpz(`checkpoints/${name}_io.npz`);
    const error = largestError(await answer(graph, name, output), io.float32(output));
    expect(error).toBeLessThan(tolerance);
    expect(error).toBeGreaterThan(1e-5);
  });

  it('can be differentiated', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath('tiny_a.pt'));
    const graph = buildModel(checkpoint, optionsOf('tiny_a'), { torso: 'float16' });
    const names = { image: 'x', timestep: 'timestep', logits: 'logits' };
    const gradient = await answer(buildGradientGraph(graph, names), 'tiny_a', 'gradient');
    const expected = readNpz('checkpoints/tiny_a_io.npz').float32('grad');
    const largest = Math.max(...expected.map(Math.abs));
    expect(largestError(gradient, expected) / largest).toBeLessThan(0.02);
  });
});

async function answer(graph: Graph, name: string, output: string): Promise<Float32Array> {
  const io = readNpz(`checkpoints/${name}_io.npz`);
  const labels = io.numbers('y');
  const arrays: Record<string, () => ort.Tensor> = {
    x: () => new ort.Tensor('float32', io.float32('x'), io.array('x').shape),
    timestep: () => new ort.Tensor('float32', io.float32('timesteps'), [2]),
    label: () => new ort.Tensor('int32', Int32Array.from(labels), [2]),
    low_res: () => new ort.Tensor('float32', io.float32('low_res'), io.array('low_res').shape),
    target: () => {
      const [, classes] = io.array('logits').shape as [number, number];
      const target = new Float32Array(2 * classes);
      for (const [row, label] of labels.entries()) target[row * classes + label] = 1;
      return new ort.Tensor('float32', target, [2, classes]);
    },
  };
  const session = await ort.InferenceSession.create(serializeModel(graph), { logSeverityLevel: 3 });
  const feeds = session.inputNames.map((input) => [input, arrays[input]!()] as const);
  return (await session.run(Object.fromEntries(feeds)))[output]!.data as Float32Array;
}

describe('rescaled residual connections', () => {
  it('divide the sum of a block and its input by sqrt(2)', async () => {
    const sum = async (rescale: boolean): Promise<readonly number[]> => {
      const graph = new GraphBuilder({ name: 'sum' });
      const scope = new Scope(graph, new Weights({ tensors: new Map() }), 'float32');
      const [x, residual] = ['x', 'residual'].map((name) => graph.input(name, 'float32', [2]));
      graph.output(addResidual(scope, x!, residual!, rescale), 'y');
      const feed = (data: number[]) => ({ dims: [2], data });
      return (await run(graph.build(), { x: feed([1, 2]), residual: feed([3, -4]) })).y!.data;
    };
    expect(await sum(false)).toEqual([4, -2]);
    expect((await sum(true)).map((value) => value * Math.SQRT2)).toEqual([
      expect.closeTo(4, 6),
      expect.closeTo(-2, 6),
    ]);
  });

  it('are in every residual and attention block', async () => {
    await using checkpoint = await openCheckpoint(checkpointPath('superres_a1.pt'));
    const count = (rescale_residual: boolean) => {
      const graph = buildModel(checkpoint, optionsOf('superres_a1', { rescale_residual }));
      return graph.nodes.filter(({ opType }) => opType === 'Mul').length;
    };
    const blocks = [...checkpoint.tensors.keys()].filter((name) =>
      /(out_layers\.3|proj_out)\.weight$/.test(name),
    );
    expect(count(true) - count(false)).toBe(blocks.length);
  });
});
