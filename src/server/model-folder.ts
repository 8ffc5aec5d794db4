import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type GraphFile, type ModelManifest, parseManifest } from '../models/manifest.ts';

/** A graph for onnxruntime: its bytes, or the path of the file if its weights lie in another one beside it. */
export type GraphSource = Uint8Array | string;

/** A model folder, read and found whole. */
export interface ModelFolder {
  readonly manifest: ModelManifest;
  readonly diffusion: GraphSource;
  readonly gradient: GraphSource | null;
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

async function readGraph(folder: string, graph: GraphFile): Promise<GraphSource> {
  const path = join(folder, graph.file);
  if (graph.data) {
    await checkFile(folder, graph);
    await checkFile(folder, graph.data);
    return path;
  }
  const bytes = await readFile(path);
  check(path, graph, bytes.byteLength, createHash('sha256').update(bytes).digest('hex'));
  return bytes;
}

/** Without holding a file of gigabytes. */
async function checkFile(
  folder: string,
  expected: GraphFile | NonNullable<GraphFile['data']>,
): Promise<void> {
  const path = join(folder, expected.file);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of createReadStream(path, { highWaterMark: READ_BYTES })) {
    hash.update(piece);
    bytes += piece.length;
  }
  check(path, expected, bytes, hash.digest('hex'));
}

const READ_BYTES = 2 ** 22;

function check(
  path: string,
  expected: { readonly bytes: number; readonly sha256: string },
  bytes: number,
  digest: string,
): void {
  if (bytes !== expected.bytes) {
    throw new Error(`${path} has ${bytes} bytes, model.json says ${expected.bytes}`);
  }
  if (digest !== expected.sha256) {
    throw new Error(`${path} has SHA-256 ${digest}, model.json says ${expected.sha256}`);
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
