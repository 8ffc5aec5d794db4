/** `cairn export triton`: model folders as a Triton model repository. */
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFile, type DescribedFile } from '../../check/files.ts';
import { findModels } from '../../check/find-models.ts';
import { readManifest } from '../../check/manifest.ts';
import type { GraphFile, ModelManifest } from '../../models/manifest.ts';
import { replaceFolder } from '../../onnx/convert/model-folder.ts';
import { tritonConfigs } from './configs.ts';
import type { ModelConfig } from './model-config.ts';
import { checkOptions, type TritonOptions } from './options.ts';
import { writeText } from './text-format.ts';

export interface ExportOptions extends TritonOptions {
  /** A model folder, or a folder of model folders. */
  readonly models: string;
  /** The repository to write. */
  readonly out: string;
  /** Hard links instead of copies: no second set of weights on the same disk. */
  readonly link?: boolean;
  /** Replace an earlier repository. */
  readonly force?: boolean;
  /** Called before each model folder. */
  readonly onModel?: (id: string) => void;
}

export interface ExportedRepository {
  /** Names on the wire. */
  readonly models: readonly string[];
  /** Of the graphs and their weights. */
  readonly bytes: number;
}

/**
 * Writes `<name>/config.pbtxt` and `<name>/1/model.onnx` for each model on the wire. Every file is held against its
 * digest in model.json; the repository appears as a whole or not at all.
 *
 * @throws {Error} if a model folder is not right, two of them give the same name, or `out` is there and may not be replaced
 */
export async function exportTriton(options: ExportOptions): Promise<ExportedRepository> {
  checkOptions(options);
  await checkTarget(options.out, options.force ?? false);
  const folders = await findModels(options.models);
  const written = new Map<string, string>();
  let bytes = 0;
  await replaceFolder(options.out, async ({ path }) => {
    for (const folder of folders) {
      const manifest = await readManifest(folder);
      options.onModel?.(manifest.id);
      for (const model of wireModels(manifest, options)) {
        const { name } = model.config;
        const earlier = written.get(name);
        if (earlier !== undefined) throw new Error(`${earlier} and ${folder} both give a model "${name}"`);
        written.set(name, folder);
        await writeModel(join(path, name), folder, model, options.link ?? false);
        bytes += model.graph === undefined ? 0 : model.graph.bytes + (model.graph.data?.bytes ?? 0);
      }
    }
  });
  return { models: [...written.keys()], bytes };
}

interface WireModel {
  readonly config: ModelConfig;
  /** None for the ensemble. */
  readonly graph?: GraphFile;
}

function wireModels(manifest: ModelManifest, options: TritonOptions): WireModel[] {
  const { diffusion, classifier, guided } = tritonConfigs(manifest, options);
  const { graphs } = manifest;
  return [
    { config: diffusion, graph: graphs.diffusion },
    ...(classifier && graphs.gradient ? [{ config: classifier, graph: graphs.gradient }] : []),
    ...(guided ? [{ config: guided }] : []),
  ];
}

async function writeModel(place: string, folder: string, { config, graph }: WireModel, linked: boolean) {
  const version = join(place, '1');
  await mkdir(version, { recursive: true });
  await writeFile(join(place, 'config.pbtxt'), writeText(config));
  if (graph === undefined) {
    await writeFile(
      join(version, '.keep'),
      'An ensemble needs a version folder, and object stores keep no empty ones.\n',
    );
    return;
  }
  await bring(folder, graph, version, 'model.onnx', linked);
  // The graph names the file of its weights, so that keeps its name.
  if (graph.data) await bring(folder, graph.data, version, graph.data.file, linked);
}

async function bring(from: string, described: DescribedFile, to: string, file: string, linked: boolean) {
  const source = join(from, described.file);
  const target = join(to, file);
  if (linked) {
    await link(source, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error;
      throw new Error(`${source} can't be linked: it is on another file system than ${to}`, { cause: error });
    });
  } else {
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const handle = await open(target, 'r+');
    await handle.sync().finally(() => handle.close());
  }
  await checkFile(to, { ...described, file }).catch((error: Error) => {
    throw new Error(`${from}: ${error.message.replace(file, described.file)}`, { cause: error });
  });
}

/** Replacing deletes what is there, so it must be what this command makes. */
async function checkTarget(out: string, force: boolean): Promise<void> {
  const entries = await readdir(out, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error.code === 'ENOTDIR' ? new Error(`${out} is a file`) : error;
  });
  if (entries.length === 0) return;
  if (!force) throw new Error(`${out} is there already; --force replaces it`);
  for (const entry of entries) {
    const inside: string[] = entry.isDirectory() ? await readdir(join(out, entry.name)) : [];
    if (!inside.includes('config.pbtxt')) {
      throw new Error(
        `${out} is not replaced: it holds ${entry.name}, which is no model of a Triton repository`,
      );
    }
  }
}
