import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type GraphFile, type ModelManifest, parseManifest } from '../models/manifest.ts';

/** A model folder, read and found whole. */
export interface ModelFolder {
  readonly manifest: ModelManifest;
  readonly diffusion: Uint8Array;
  readonly gradient: Uint8Array | null;
}

/**
 * Reads model.json and the graphs it names.
 *
 * @throws {Error} if model.json is invalid, its id is not the folder's name, or a file is not the one it describes
 */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const path = join(folder, 'model.json');
  const manifest = parseManifest(parseJson(await readFile(path, 'utf8'), path), path);
  if (manifest.id !== basename(folder)) {
    throw new Error(`${path}: id is "${manifest.id}" but the folder is "${basename(folder)}"`);
  }
  const { diffusion, gradient } = manifest.graphs;
  return {
    manifest,
    diffusion: await readGraph(folder, diffusion),
    gradient: gradient === undefined ? null : await readGraph(folder, gradient),
  };
}

async function readGraph(folder: string, graph: GraphFile): Promise<Uint8Array> {
  const path = join(folder, graph.file);
  const bytes = await readFile(path);
  if (bytes.byteLength !== graph.bytes) {
    throw new Error(`${path} has ${bytes.byteLength} bytes, model.json says ${graph.bytes}`);
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== graph.sha256) {
    throw new Error(`${path} has SHA-256 ${digest}, model.json says ${graph.sha256}`);
  }
  return bytes;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
