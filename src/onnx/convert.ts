/** `cairn convert`: from PyTorch checkpoints to a model folder that Cairn runs. */
import { type GraphFile, type ModelManifest, parseManifest } from '../models/manifest.ts';
import { buildModel, type Precision } from './architectures/build-model.ts';
import type { EncoderOptions } from './architectures/options.ts';
import type { WeightStorage } from './architectures/scope.ts';
import { openCheckpoint } from './checkpoint/checkpoint.ts';
import { manifestBytes } from './convert/manifest-bytes.ts';
import { type FolderWriter, replaceFolder } from './convert/model-folder.ts';
import { gradientFor, type OwnClassifier } from './convert/own-classifier.ts';
import { measurePrecision, type PrecisionError } from './convert/precision-error.ts';
import type { Recipe } from './convert/recipe.ts';
import { writeGraph } from './convert/write-graph.ts';
import { buildGradientGraph } from './gradient/gradient-graph.ts';
import { type Graph, openModel } from './graph/index.ts';

export interface ConvertOptions {
  readonly recipe: Recipe;
  /** Path of the diffusion model's checkpoint. */
  readonly diffusion: string;
  /** Path of the noisy classifier's checkpoint, if the recipe has one. */
  readonly classifier?: string;
  /** Instead of one: a classifier in ONNX form, whatever the recipe says of classifiers. */
  readonly ownClassifier?: OwnClassifier;
  /** Where in the file the state dict is, if it holds several. */
  readonly diffusionKey?: string;
  readonly classifierKey?: string;
  /** The folder to write, e.g. `models/mnist-32`. An earlier one is replaced. */
  readonly out: string;
  /** Instead of the recipe's id. */
  readonly id?: string;
  /** Instead of the recipe's way to store weights. */
  readonly weights?: WeightStorage;
  /** Instead of what the recipe lets the torso of the networks compute in. */
  readonly dtype?: Recipe['dtype'];
  /** If given, each graph in less than float32 is run beside one in float32, and how far they differ is told. */
  readonly onPrecision?: (file: string, errors: readonly PrecisionError[]) => void;
  /** Ends the conversion early; the folder stays as it was. */
  readonly signal?: AbortSignal;
  /** Called before each part: its name, and how many of how many are done. */
  readonly onProgress?: (part: string, done: number, total: number) => void;
  /** Called with what was done to make a classifier of one's own fit, in words. */
  readonly onNote?: (note: string) => void;
  /** Called while a part's weights are written: bytes so far, and in all. */
  readonly onBytes?: (done: number, total: number) => void;
  /** Instead of 64 MiB: from which size on the weights of a graph get a file of their own. */
  readonly externalFrom?: number;
}

/**
 * Converts checkpoints into `diffusion.onnx`, `classifier.onnx`, `gradient.onnx`, the files of their
 * weights (`diffusion.onnx.data`, ...) where these are large, and `model.json`. The same
 * checkpoints and recipe always give the same bytes; a failure leaves the folder as it was.
 *
 * @returns what model.json says
 * @throws {CheckpointError} if a checkpoint can't be read
 * @throws {ArchitectureMismatchError} if one does not fit the recipe's architecture
 */
export async function convertModel(options: ConvertOptions): Promise<ModelManifest> {
  const { recipe } = options;
  const { weights: storage = recipe.weights, dtype = recipe.dtype } = options;
  const precision: Precision = { storage, torso: dtype === 'fp16' ? 'float16' : 'float32' };
  const { ownClassifier } = options;
  const classifier = ownClassifier === undefined ? classifierOf(options) : undefined;
  const total = ownClassifier ? 2 : classifier ? 3 : 1;
  const report = (part: string, done: number) => options.onProgress?.(part, done, total);
  const fill = async (folder: FolderWriter) => {
    report('diffusion', 0);
    const diffusion = await convertDiffusion(options, precision, folder);
    const guidance = ownClassifier
      ? await convertOwnClassifier(options, ownClassifier, folder, report)
      : classifier && (await convertClassifier(options, classifier, precision, folder, report));
    report('model.json', total);
    const manifest = parseManifest(manifestOf(options, { diffusion, ...guidance }), 'the converted model');
    await folder.write('model.json', manifestBytes(manifest));
    return manifest;
  };
  return replaceFolder(options.out, fill, options.signal);
}

interface ClassifierJob {
  readonly path: string;
  readonly architecture: EncoderOptions;
}

function classifierOf({ recipe, classifier: path }: ConvertOptions): ClassifierJob | undefined {
  const architecture = recipe.architecture.classifier;
  if (architecture && path === undefined)
    throw new Error(`recipe ${recipe.id} needs a classifier's checkpoint (--classifier)`);
  if (!architecture && path !== undefined) throw new Error(`recipe ${recipe.id} describes no classifier`);
  return architecture && path !== undefined ? { path, architecture } : undefined;
}

async function convertDiffusion(options: ConvertOptions, precision: Precision, folder: FolderWriter) {
  const { recipe, diffusion: path } = options;
  await using checkpoint = await openCheckpoint(path, keyed(options.diffusionKey));
  const build = (as: Precision) =>
    naming(path, () => buildModel(checkpoint, recipe.architecture.diffusion, as));
  // Awaited here: the checkpoint is read until the last weight is written.
  return await writeMeasured(options, folder, 'diffusion.onnx', precision, build);
}

async function convertClassifier(
  options: ConvertOptions,
  { path, architecture }: ClassifierJob,
  precision: Precision,
  folder: FolderWriter,
  report: (part: string, done: number) => void,
) {
  report('classifier', 1);
  await using checkpoint = await openCheckpoint(path, keyed(options.classifierKey));
  const build = (as: Precision) => naming(path, () => buildModel(checkpoint, architecture, as));
  const classifier = await writeMeasured(options, folder, 'classifier.onnx', precision, build);
  report('gradient', 2);
  const names = { image: 'x', timestep: 'timestep', logits: 'logits' };
  const gradient = await writeMeasured(options, folder, 'gradient.onnx', precision, (as) =>
    buildGradientGraph(build(as), names),
  );
  return { classifier, gradient };
}

async function convertOwnClassifier(
  options: ConvertOptions,
  classifier: OwnClassifier,
  folder: FolderWriter,
  report: (part: string, done: number) => void,
) {
  report('gradient', 1);
  using model = await openModel(classifier.path);
  const { recipe, id = recipe.id } = options;
  const place = { ...recipe, id, image: imageOf(recipe) };
  const { graph, notes } = await gradientFor(model.graph, classifier, place);
  for (const note of notes) options.onNote?.(note);
  return { gradient: await writeGraph(folder, 'gradient.onnx', graph, options) };
}

/** Writes a graph and, if asked, tells how far it is from float32. */
async function writeMeasured(
  options: ConvertOptions,
  folder: FolderWriter,
  file: string,
  precision: Precision,
  build: (precision: Precision) => Graph,
): Promise<GraphFile> {
  const entry = await writeGraph(folder, file, build(precision), options);
  const exact = precision.storage === 'float32' && precision.torso === 'float32';
  if (options.onPrecision && !exact) {
    options.onPrecision(file, await measurePrecision(folder, file, build({}), options));
  }
  return entry;
}

function manifestOf({ recipe, id }: ConvertOptions, graphs: ModelManifest['graphs']): ModelManifest {
  const { architecture, weights: _storage, dtype: _dtype, ...settings } = recipe;
  const { num_classes, out_channels } = architecture.diffusion;
  return {
    manifest_version: 1,
    ...settings,
    id: id ?? recipe.id,
    image: imageOf(recipe),
    class_conditional: num_classes !== undefined,
    output_channels: out_channels,
    graphs,
  };
}

function imageOf({ architecture }: Recipe): ModelManifest['image'] {
  const { in_channels: channels, image_size: size } = architecture.diffusion;
  return { channels, height: size, width: size };
}

function keyed(key: string | undefined): { key?: string } {
  return key === undefined ? {} : { key };
}

/** Puts the checkpoint's path before an error about its content. */
function naming<T>(path: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof Error) error.message = `${path}: ${error.message}`;
    throw error;
  }
}
