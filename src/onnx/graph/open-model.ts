/** Opens an ONNX model by its path, and leaves its weights in their files until they are asked for. */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ExternalFiles } from './external-data.ts';
import type { Graph } from './graph.ts';
import { parseModel } from './import.ts';
import { readStructure } from './structure.ts';

export interface OpenModel extends Disposable {
  /** Its constants can be read until the model is closed. */
  readonly graph: Graph;
  /** Of the model file and the files beside it. */
  readonly bytes: number;
  /** Files that hold constants, by their path from the model's folder, without the model itself. */
  readonly externalFiles: readonly string[];
}

/**
 * Holds the structure alone: a model of gigabytes takes a few megabytes, whether its weights are in it or in files
 * beside it.
 *
 * @throws {Error} if the file can't be read, is no ONNX model, uses what Cairn does not support, or its external data
 *   is missing, not inside its folder, too short, or not what its checksum says
 */
export async function openModel(path: string): Promise<OpenModel> {
  const files = new ExternalFiles(dirname(path));
  try {
    const graph = parseModel(readModelStructure(path), files);
    await files.verifyChecksums();
    const own = basename(path);
    const external = files.opened.filter(({ location }) => location !== own);
    return {
      graph,
      bytes: external.reduce((sum, { size }) => sum + size, statSync(path).size),
      externalFiles: external.map(({ location }) => location),
      [Symbol.dispose]: () => files[Symbol.dispose](),
    };
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
}

/**
 * A model without its large constants, which are external data of the file itself then.
 *
 * @throws {Error} if the file can't be read or is no protobuf message
 */
export function readModelStructure(path: string): Uint8Array<ArrayBuffer> {
  const file = openSync(path, 'r');
  try {
    return readStructure(file, fstatSync(file).size, basename(path));
  } finally {
    closeSync(file);
  }
}
