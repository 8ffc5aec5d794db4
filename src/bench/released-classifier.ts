/** A released classifier's architecture with random weights, and its gradient, as files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawNoise } from '../core/index.ts';
import type { GraphFile } from '../models/manifest.ts';
import { buildModel, stateDictOf } from '../onnx/architectures/build-model.ts';
import { replaceFolder } from '../onnx/convert/model-folder.ts';
import { loadRecipe } from '../onnx/convert/recipe.ts';
import { writeGraph } from '../onnx/convert/write-graph.ts';
import { buildGradientGraph } from '../onnx/gradient/gradient-graph.ts';
import type { Value } from '../onnx/graph/index.ts';
import type { GraphSignature } from '../server/engine/messages.ts';
import type { TensorSignature } from '../server/model-runner.ts';

/** A graph as an engine is told of it. */
export interface BenchGraph {
  readonly folder: string;
  readonly file: GraphFile;
  readonly signature: GraphSignature;
}

export interface ReleasedClassifier extends AsyncDisposable {
  readonly classifier: BenchGraph;
  readonly gradient: BenchGraph;
}

/** @param recipe one with a classifier, e.g. `imagenet-64` */
export async function writeReleasedClassifier(recipe: string): Promise<ReleasedClassifier> {
  const options = (await loadRecipe(recipe)).architecture.classifier;
  if (!options) throw new Error(`recipe ${recipe} has no classifier`);
  const tensors = new Map(
    [...stateDictOf(options)].map(([name, shape]) => [name, { shape, read: () => randomWeight(shape) }]),
  );
  const model = buildModel({ tensors }, options);
  const parent = await mkdtemp(join(tmpdir(), 'cairn-bench-'));
  const folder = join(parent, 'graphs');
  const names = { image: 'x', timestep: 'timestep', logits: 'logits' };
  const graphs = { classifier: model, gradient: buildGradientGraph(model, names) };
  const written = await replaceFolder(folder, async (writer) => ({
    classifier: await writeGraph(writer, 'classifier.onnx', graphs.classifier),
    gradient: await writeGraph(writer, 'gradient.onnx', graphs.gradient),
  }));
  const described = (name: 'classifier' | 'gradient'): BenchGraph => {
    const { inputs, outputs } = graphs[name];
    return {
      folder,
      file: written[name],
      signature: { inputs: inputs.map(onWire), outputs: outputs.map(onWire) },
    };
  };
  return {
    classifier: described('classifier'),
    gradient: described('gradient'),
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}

function onWire({ name, shape }: Value): TensorSignature {
  return { name, datatype: 'FP32', shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)) };
}

/** Of the size that keeps a layer's variance; noise is drawn once and repeated, for speed. */
function randomWeight(shape: readonly number[]): Float32Array {
  const [rows, ...rest] = shape as [number, ...number[]];
  const inputs = rest.reduce((product, size) => product * size, 1);
  const scale = rest.length === 0 ? 0.1 : 1 / Math.sqrt(inputs);
  return Float32Array.from({ length: rows * inputs }, (_, i) => scale * NOISE[i % NOISE.length]!);
}

/** A prime number of values, so that rows differ. */
const NOISE = drawNoise([1], 65_521, 0);
