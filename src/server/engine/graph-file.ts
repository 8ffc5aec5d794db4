/** A graph's files, held against the digests in model.json. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphFile } from '../../models/manifest.ts';

/** A graph for onnxruntime: its bytes, or the path of the file if its weights lie in another one beside it. */
export type GraphSource = Uint8Array | string;

/** One whose weights lie in a file of their own: 64 MiB and more (src/onnx/convert/write-graph.ts). */
export function isLargeGraph({ data }: Pick<GraphFile, 'data'>): boolean {
  return data !== undefined;
}

/**
 * Reads a graph. What is returned is what was checked, save for weights in a file of their own: onnxruntime opens that
 * one itself.
 *
 * @throws {Error} if a file is missing or not the one that model.json describes
 */
export async function readGraph(folder: string, graph: GraphFile): Promise<GraphSource> {
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
