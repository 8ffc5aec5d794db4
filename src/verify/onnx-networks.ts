/** Runs the networks of golden loops: their checkpoints through Cairn's own converter, in onnxruntime-node. */
import { basename, dirname } from 'node:path';
import { buildModel } from '../onnx/architectures/build-model.ts';
import type { ArchitectureOptions } from '../onnx/architectures/options.ts';
import { optionsFromReference } from '../onnx/architectures/reference-options.ts';
import { openCheckpoint } from '../onnx/checkpoint/checkpoint.ts';
import { loadRecipe, type Recipe } from '../onnx/convert/recipe.ts';
import { buildGradientGraph } from '../onnx/gradient/gradient-graph.ts';
import { type Graph, serializeModel } from '../onnx/graph/index.ts';
import { InferenceSession, Tensor } from '../onnx/onnxruntime.ts';
import { hasKeys } from './contract.ts';
import type { GoldenDirectory } from './directory.ts';
import type { LoadNetworks, LoopEvaluation, LoopInput, LoopNetworks } from './networks.ts';
import type { Npz } from './npz.ts';

/** Converts the checkpoints with float32 weights and opens them, on one thread: threads of small graphs wait for each other. */
export const loadOnnxNetworks: LoadNetworks = async ({ directory, model, classifier }) => {
  const diffusion = await openNetwork(directory, model, 'diffusion', (graph) => graph);
  const gradient = classifier
    ? await openNetwork(directory, classifier, 'classifier', (graph) =>
        buildGradientGraph(graph, { image: 'x', timestep: 'timestep', logits: 'logits' }),
      )
    : null;
  return new OnnxNetworks(diffusion, gradient);
};

type Role = keyof Recipe['architecture'];

async function openNetwork(
  directory: GoldenDirectory,
  path: string,
  role: Role,
  derive: (graph: Graph) => Graph,
): Promise<InferenceSession> {
  directory.claim(path);
  try {
    const options = await architectureOf(directory, path, role);
    await using checkpoint = await openCheckpoint(directory.absolute(path));
    const bytes = serializeModel(derive(buildModel(checkpoint, options)));
    return await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The architecture of a checkpoint: what NAME.json beside NAME.pt says, else that of the built-in recipe with the
 * folder's name, else that of mnist-32, whose layout this is.
 */
async function architectureOf(
  directory: GoldenDirectory,
  path: string,
  role: Role,
): Promise<ArchitectureOptions> {
  const description = path.replace(/\.pt$/, '.json');
  const content = directory.has(description) ? await directory.json(description) : undefined;
  if (hasKeys(content, 'class', 'constructor_arguments')) {
    return optionsFromReference(
      String(content.class),
      content.constructor_arguments as Readonly<Record<string, unknown>>,
    );
  }
  const folder = basename(dirname(directory.absolute(path)));
  const recipe = await loadRecipe(folder).catch(() => loadRecipe('mnist-32'));
  const architecture = recipe.architecture[role];
  if (!architecture) throw new Error(`recipe ${recipe.id} has no ${role}`);
  return architecture;
}

class OnnxNetworks implements LoopNetworks {
  readonly #diffusion: InferenceSession;
  readonly #gradient: InferenceSession | null;

  constructor(diffusion: InferenceSession, gradient: InferenceSession | null) {
    this.#diffusion = diffusion;
    this.#gradient = gradient;
  }

  async evaluate(input: LoopInput): Promise<LoopEvaluation> {
    const x = new Tensor('float32', input.x, input.shape);
    const timestep = new Tensor('float32', input.timestep, [input.shape[0]]);
    const modelOutput = await this.#runDiffusion(input, x, timestep);
    if (!input.targets) return { modelOutput, gradient: null, logProbs: null };
    if (!this.#gradient) throw new Error('a guided step needs a classifier, and none was named');
    const target = oneHot(input.targets, classesOf(this.#gradient));
    const answer = await this.#gradient.run({ x, timestep, target });
    return { modelOutput, gradient: float32(answer, 'gradient'), logProbs: float32(answer, 'log_probs') };
  }

  async #runDiffusion({ labels, lowRes }: LoopInput, x: Tensor, timestep: Tensor): Promise<Float32Array> {
    const feeds: Record<string, Tensor> = { x, timestep };
    const { inputNames } = this.#diffusion;
    if (inputNames.includes('label')) {
      if (!labels) throw new Error('a class-conditional model needs labels, and the loop has none');
      feeds.label = new Tensor('int32', Int32Array.from(labels), [labels.length]);
    }
    if (inputNames.includes('low_res')) {
      if (!lowRes) throw new Error('an upsampling model needs low_res, and the loop has none');
      feeds.low_res = new Tensor('float32', lowRes.data, lowRes.shape);
    }
    return float32(await this.#diffusion.run(feeds), 'output');
  }

  async close(): Promise<void> {
    await this.#diffusion.release();
    await this.#gradient?.release();
  }
}

/** K of the target input [N, K]. */
function classesOf(session: InferenceSession): number {
  const target = session.inputMetadata.find(({ name }) => name === 'target');
  const classes = target?.isTensor ? target.shape[1] : undefined;
  if (typeof classes !== 'number') throw new Error('the gradient graph does not say its number of classes');
  return classes;
}

function oneHot(labels: readonly number[], classes: number): Tensor {
  const weights = new Float32Array(labels.length * classes);
  for (const [n, label] of labels.entries()) weights[n * classes + label] = 1;
  return new Tensor('float32', weights, [labels.length, classes]);
}

function float32(answer: InferenceSession.OnnxValueMapType, name: string): Float32Array {
  const data = answer[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the engine gave no float32 output "${name}"`);
  return data;
}

/** One output of a network. */
export interface NetworkAnswer {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Which array of an .npz file each input of a graph takes. */
const INPUT_ARRAYS: Readonly<Record<string, string>> = {
  x: 'x',
  timestep: 'timesteps',
  label: 'y',
  low_res: 'low_res',
};

/** The reference's class and its constructor's arguments. */
interface Reference {
  readonly class: string;
  readonly constructor_arguments: Readonly<Record<string, unknown>>;
}

/**
 * What a checkpoint's network answers on the inputs of an .npz file: `output`; for an encoder `logits`, `log_softmax`
 * and `grad`, the gradient of the log-probability of class y.
 *
 * @param path of the checkpoint
 */
export async function evaluateNetwork(
  path: string,
  reference: Reference,
  npz: Npz,
): Promise<Map<string, NetworkAnswer>> {
  const options = optionsFromReference(reference.class, reference.constructor_arguments);
  await using checkpoint = await openCheckpoint(path);
  const graph = buildModel(checkpoint, options);
  const answers = await runOnArrays(graph, npz);
  if (options.kind !== 'encoder') return new Map([['output', answers.output!]]);
  const guidance = buildGradientGraph(graph, { image: 'x', timestep: 'timestep', logits: 'logits' });
  const target = oneHot(npz.numbers('y'), options.out_channels);
  const { gradient, log_probs } = await runOnArrays(guidance, npz, { target });
  return new Map([
    ['logits', answers.logits!],
    ['log_softmax', log_probs!],
    ['grad', gradient!],
  ]);
}

/**
 * What the named modules of a checkpoint's network answer on the inputs of an .npz file: the value of the last node in
 * the module's scope. A module without nodes of its own is left out.
 */
export async function evaluateBlocks(
  path: string,
  reference: Reference,
  npz: Npz,
  modules: readonly string[],
): Promise<Map<string, NetworkAnswer>> {
  const options = optionsFromReference(reference.class, reference.constructor_arguments);
  await using checkpoint = await openCheckpoint(path);
  const graph = buildModel(checkpoint, options);
  const outputs = modules.flatMap((module) => {
    const last = graph.nodes.findLast(({ name }) => name.startsWith(`${module}/`));
    const value = graph.values.get(last?.outputs[0] ?? '');
    return value === undefined ? [] : [{ module, value }];
  });
  const own = new Set(graph.outputs.map(({ name }) => name));
  const inner = outputs.filter(({ value }) => !own.has(value.name)).map(({ value }) => value);
  const answers = await runOnArrays({ ...graph, outputs: [...graph.outputs, ...inner] }, npz);
  return new Map(outputs.map(({ module, value }) => [module, answers[value.name]!]));
}

async function runOnArrays(
  graph: Graph,
  npz: Npz,
  given: Readonly<Record<string, Tensor>> = {},
): Promise<Record<string, NetworkAnswer>> {
  const feeds = graph.inputs.map(({ name, dtype }) => {
    const tensor = given[name];
    if (tensor) return [name, tensor] as const;
    const { shape } = npz.array(INPUT_ARRAYS[name]!);
    const numbers = npz.numbers(INPUT_ARRAYS[name]!);
    return dtype === 'int32'
      ? ([name, new Tensor('int32', Int32Array.from(numbers), shape)] as const)
      : ([name, new Tensor('float32', Float32Array.from(numbers), shape)] as const);
  });
  return runOnce(graph, Object.fromEntries(feeds));
}

/** Runs a graph of float32 outputs once. */
export async function runOnce(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, NetworkAnswer>> {
  const session = await InferenceSession.create(serializeModel(graph), { intraOpNumThreads: 1 });
  try {
    const answers = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(answers).map(([name, { dims }]) => [name, { dims, data: float32(answers, name) }]),
    );
  } finally {
    await session.release();
  }
}
