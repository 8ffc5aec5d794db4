/** Writes a graph as an .onnx file, with its weights beside it if they are large. */
import type { GraphFile } from '../../models/manifest.ts';
import { type ByteSource, bytesSource } from '../byte-source.ts';
import { type ExternalData, type Graph, serializeModel, tensorBytes, tensorSource } from '../graph/index.ts';
import type { FolderWriter } from './model-folder.ts';

/**
 * Weights of this size or more get a file of their own. protobuf ends at 2 GB, and well below that a model in one
 * message is in memory several times over while it is written and while it is loaded.
 */
const EXTERNAL_FROM_BYTES = 2 ** 26;

/** Constants below this size stay in the graph. */
const SMALL_BYTES = 2 ** 14;

/** Engines map the file into memory by pages. */
const ALIGNMENT = 2 ** 12;

export interface WriteGraphOptions {
  /** Instead of 64 MiB: from which size on the weights get a file of their own. */
  readonly externalFrom?: number;
  /** Called while weights are written: bytes so far, and in all. */
  readonly onBytes?: (done: number, total: number) => void;
}

/**
 * Reads each weight when its turn comes, and holds one or two at a time where they get a file of their own.
 *
 * @returns the manifest's entry
 */
export async function writeGraph(
  folder: FolderWriter,
  file: string,
  graph: Graph,
  { externalFrom = EXTERNAL_FROM_BYTES, onBytes }: WriteGraphOptions = {},
): Promise<GraphFile> {
  const sizes = [...graph.initializers].map(([name, constant]) => [name, tensorBytes(constant)] as const);
  const total = weightBytes(graph);
  if (total < externalFrom) {
    onBytes?.(0, total);
    const entry = await folder.write(file, serializeModel(graph));
    onBytes?.(total, total);
    return entry;
  }
  const { external, end } = layOut(`${file}.data`, sizes);
  const data = await folder.stream(external.file, weights(graph, external, end, onBytes));
  return { ...(await folder.write(file, serializeModel(graph, external))), data };
}

/** Of all constants of a graph together. */
export function weightBytes({ initializers }: Graph): number {
  return [...initializers.values()].reduce((sum, constant) => sum + tensorBytes(constant), 0);
}

/** Where each large constant goes. */
function layOut(
  file: string,
  sizes: readonly (readonly [name: string, bytes: number])[],
): { external: ExternalData; end: number } {
  let end = 0;
  const places = new Map<string, { offset: number; length: number }>();
  for (const [name, length] of sizes) {
    if (length < SMALL_BYTES) continue;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    places.set(name, { offset, length });
    end = offset + length;
  }
  return { external: { file, places }, end };
}

/** What the data file holds, a constant at a time. */
function* weights(
  graph: Graph,
  { places }: ExternalData,
  total: number,
  onBytes: WriteGraphOptions['onBytes'],
): Generator<ByteSource> {
  let position = 0;
  onBytes?.(0, total);
  for (const [name, { offset, length }] of places) {
    if (offset > position) yield bytesSource(new Uint8Array(offset - position));
    const source = tensorSource(graph.initializers.get(name)!);
    if (source.length !== length) {
      throw new Error(`constant ${name} has ${source.length} bytes; its type and shape need ${length}`);
    }
    yield source;
    position = offset + length;
    onBytes?.(position, total);
  }
}
