/** The models of the study: mnist-32 as it is installed, and others made of it in the study's own folder. */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../cli/local/project.ts';
import { type ModelManifest, parseManifest } from '../models/manifest.ts';
import { manifestBytes } from '../onnx/convert/manifest-bytes.ts';
import { replaceFolder } from '../onnx/convert/model-folder.ts';
import { loadRecipe } from '../onnx/convert/recipe.ts';
import { writeGraph } from '../onnx/convert/write-graph.ts';
import { convertModel } from '../onnx/convert.ts';
import { type Graph, type GraphNode, openModel, tensorFrom, type Value } from '../onnx/graph/index.ts';

export type StudyModel =
  | 'mnist-32'
  | 'mnist-32-fixed-small'
  | 'mnist-32-fixed-large'
  | 'mnist-32-fp32'
  | 'mnist-32-fp16';

/** Where mnist-32 comes from; half precision is converted from there, not from what has been rounded already. */
export interface Checkpoints {
  readonly diffusion: string;
  readonly classifier: string;
}

const installed = join(projectRoot, 'models/mnist-32');

/**
 * Makes model folders, those that are there already too: their bytes are the same.
 *
 * @param modelsDir the folder to put them in
 * @returns their manifests
 */
export async function writeVariants(
  modelsDir: string,
  wanted: readonly StudyModel[],
  checkpoints: Checkpoints | null,
): Promise<ModelManifest[]> {
  const manifests: ModelManifest[] = [];
  for (const model of wanted) manifests.push(await writeVariant(join(modelsDir, model), model, checkpoints));
  return manifests;
}

async function writeVariant(
  folder: string,
  model: StudyModel,
  checkpoints: Checkpoints | null,
): Promise<ModelManifest> {
  switch (model) {
    case 'mnist-32':
      await cp(installed, folder, { recursive: true });
      return readManifest(folder);
    case 'mnist-32-fixed-small':
      return writeFixedVariance(folder, model, 'fixed_small');
    case 'mnist-32-fixed-large':
      return writeFixedVariance(folder, model, 'fixed_large');
    case 'mnist-32-fp32':
      return convert(folder, model, checkpoints, { weights: 'float32', dtype: 'fp32' });
    case 'mnist-32-fp16':
      return convert(folder, model, checkpoints, { weights: 'float16', dtype: 'fp16' });
  }
}

async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, 'model.json');
  return parseManifest(JSON.parse(await readFile(path, 'utf8')), path);
}

/** The same network without the half of its output that describes the variance. */
async function writeFixedVariance(
  folder: string,
  id: string,
  variance: 'fixed_small' | 'fixed_large',
): Promise<ModelManifest> {
  const manifest = await readManifest(installed);
  const { channels } = manifest.image;
  return replaceFolder(folder, async (writer) => {
    using model = await openModel(join(installed, manifest.graphs.diffusion.file));
    const diffusion = await writeGraph(
      writer,
      manifest.graphs.diffusion.file,
      firstChannels(model.graph, channels),
    );
    await writer.keep(join(installed, manifest.graphs.gradient!.file));
    const { classifier: _, ...graphs } = manifest.graphs;
    const fixed: ModelManifest = {
      ...manifest,
      id,
      name: `${manifest.name}, ${variance}`,
      diffusion: { ...manifest.diffusion, variance_type: variance },
      output_channels: channels,
      graphs: { ...graphs, diffusion },
    };
    await writer.write('model.json', manifestBytes(fixed));
    return fixed;
  });
}

/** The graph with the first channels of its one output in the place of all of them. */
export function firstChannels(graph: Graph, channels: number): Graph {
  const [output] = graph.outputs;
  const { name, shape } = output!;
  const all = `${name}/all`;
  const rename = (names: readonly string[]) => names.map((value) => (value === name ? all : value));
  const constants = Object.entries({ start: 0, end: channels, axis: 1 }).map(
    ([part, value]) => [`${name}/${part}`, tensorFrom('int64', [1], [value])] as const,
  );
  const slice: GraphNode = {
    name: `${name}/Slice`,
    opType: 'Slice',
    domain: '',
    inputs: [all, ...constants.map(([constant]) => constant)],
    outputs: [name],
    attributes: {},
  };
  const part: Value = { ...output!, shape: [shape[0]!, channels, ...shape.slice(2)] };
  return {
    ...graph,
    outputs: [part],
    initializers: new Map([...graph.initializers, ...constants]),
    nodes: [
      ...graph.nodes.map((node) => ({ ...node, inputs: rename(node.inputs), outputs: rename(node.outputs) })),
      slice,
    ],
    values: new Map([
      ...graph.values,
      [all, { ...output!, name: all }],
      [name, part],
      ...constants.map(([constant]): [string, Value] => [
        constant,
        { name: constant, dtype: 'int64', shape: [1] },
      ]),
    ]),
  };
}

async function convert(
  out: string,
  id: string,
  checkpoints: Checkpoints | null,
  precision: { readonly weights: 'float32' | 'float16'; readonly dtype: 'fp32' | 'fp16' },
): Promise<ModelManifest> {
  if (checkpoints === null)
    throw new Error(`${id} is converted from the checkpoints of mnist-32: --checkpoints`);
  const recipe = await loadRecipe('mnist-32');
  return convertModel({ recipe, out, id, ...checkpoints, ...precision });
}
