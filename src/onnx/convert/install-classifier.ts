/** `cairn models add-classifier`: lets a classifier of one's own guide a model that is there. */
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../check/manifest.ts';
import { type GraphFile, type ModelManifest, parseManifest } from '../../models/manifest.ts';
import { openModel } from '../graph/index.ts';
import { manifestBytes } from './manifest-bytes.ts';
import { replaceFolder } from './model-folder.ts';
import { gradientFor, type OwnClassifier } from './own-classifier.ts';
import { writeGraph } from './write-graph.ts';

export interface InstallOptions {
  readonly classifier: OwnClassifier;
  /** New names, in the classifier's order. */
  readonly classes?: readonly string[];
  /** Default of requests; 1 if the model had no classifier. */
  readonly guidanceScale?: number;
  readonly signal?: AbortSignal;
  /** Called while weights are written: bytes so far, and in all. */
  readonly onBytes?: (done: number, total: number) => void;
}

export interface Installed {
  readonly manifest: ModelManifest;
  readonly notes: readonly string[];
}

/**
 * Derives the gradient, writes it into the model folder in the place of the one before, and describes it in
 * model.json. The folder changes as a whole or not at all; its other files stay as they are.
 *
 * @throws {Error} if the folder is no model folder, or the classifier can't be differentiated or does not fit it
 */
export async function installClassifier(folder: string, options: InstallOptions): Promise<Installed> {
  const place = await realpath(folder);
  const before = withClasses(await readManifest(place), options.classes);
  const { classifier, signal, onBytes } = options;
  using model = await openModel(classifier.path);
  const { graph, notes } = await gradientFor(model.graph, classifier, before);
  const kept = await filesToKeep(place, before);
  const manifest = await replaceFolder(
    place,
    async (writer) => {
      for (const file of kept) await writer.keep(join(place, file));
      const written = await writeGraph(writer, 'gradient.onnx', graph, onBytes ? { onBytes } : {});
      const after = describe(before, written, options.guidanceScale);
      await writer.write('model.json', manifestBytes(after));
      return after;
    },
    signal,
  );
  return { manifest, notes };
}

function withClasses(manifest: ModelManifest, classes: readonly string[] | undefined): ModelManifest {
  if (classes === undefined) return manifest;
  if (manifest.class_conditional && classes.length !== manifest.classes.length) {
    throw new Error(
      `${classes.length} class names; ${manifest.id} takes one of ${manifest.classes.length} labels itself`,
    );
  }
  return { ...manifest, classes: [...classes] };
}

/** All but model.json, the gradient and the classifier that guided before. */
async function filesToKeep(folder: string, { graphs }: ModelManifest): Promise<string[]> {
  const replaced = [graphs.gradient, graphs.classifier].flatMap((graph: GraphFile | undefined) =>
    graph === undefined ? [] : [graph.file, ...(graph.data ? [graph.data.file] : [])],
  );
  const others = new Set(['model.json', 'gradient.onnx', 'gradient.onnx.data', ...replaced]);
  return (await readdir(folder)).filter((file) => !others.has(file));
}

function describe(before: ModelManifest, gradient: GraphFile, scale: number | undefined): ModelManifest {
  const { diffusion, gradient: old } = before.graphs;
  const fallback =
    old === undefined && before.defaults.guidance_scale === 0 ? 1 : before.defaults.guidance_scale;
  const manifest = {
    ...before,
    defaults: { ...before.defaults, guidance_scale: scale ?? fallback },
    graphs: { diffusion, gradient },
  };
  return parseManifest(manifest, 'the model with its new classifier');
}
