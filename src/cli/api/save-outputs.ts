/** Outputs of a sample as files. */
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CairnClient, ImageEntry, SampleResponse } from '../../client/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { imageName } from '../demo/write-images.ts';

/** `images`, or a file of the whole sample by its name in `outputs`: `grid`, `npz`, ... */
export type OutputKind = string;

export interface SaveOptions {
  /** Kinds to write; by default everything, but of a sample of more images than its answer lists not the images. */
  readonly only?: readonly OutputKind[];
  readonly signal: AbortSignal;
  /** Called while a file comes: bytes so far, and in all. */
  readonly onProgress?: (name: string, received: number, size: number | null) => void;
}

/** Names of files where they are not the kind's own with the URL's extension. */
const FILE_NAMES: Readonly<Record<string, string>> = { npz: 'samples.npz' };

/**
 * Writes what is there. Images that are still to come are left out.
 *
 * @returns paths of the files
 * @throws {CliError} 2 for a folder that can't be written or a kind that there is not, 1 if nothing is there yet
 */
export async function saveOutputs(
  client: CairnClient,
  sample: SampleResponse,
  folder: string,
  { only, signal, onProgress }: SaveOptions,
): Promise<string[]> {
  const kinds = ['images', ...Object.keys(sample.outputs)];
  const unknown = only?.find((kind) => !kinds.includes(kind));
  if (unknown !== undefined) {
    throw new CliError(`--only: there is no output "${unknown}"; there are ${kinds.join(', ')}`, EXIT_USAGE);
  }
  const paths: string[] = [];
  for await (const { name, url } of filesOf(client, sample, only, signal)) {
    if (paths.length === 0) await makeFolder(folder);
    const path = join(folder, name);
    const pieces = client.stream(url, {
      signal,
      onProgress: (received, size) => onProgress?.(name, received, size),
    });
    await pipeline(Readable.from(pieces), createWriteStream(path));
    paths.push(path);
  }
  if (paths.length === 0) throw new CliError(`${sample.id} has no such output: it is ${sample.status}`);
  return paths;
}

/** @returns path of the file */
export async function saveAnimation(
  client: CairnClient,
  id: string,
  folder: string,
  options: { readonly image?: number; readonly signal: AbortSignal },
): Promise<string> {
  const animation = await client.downloadAnimation(id, options);
  await makeFolder(folder);
  const { image } = options;
  const path = join(folder, image === undefined ? 'animation.png' : `animation-${image}.png`);
  await writeFile(path, animation);
  return path;
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new CliError(`--out: can't write to ${folder}: ${error.message}`, EXIT_USAGE);
  });
}

interface OutputFile {
  readonly name: string;
  readonly url: string;
}

async function* filesOf(
  client: CairnClient,
  sample: SampleResponse,
  only: readonly OutputKind[] | undefined,
  signal: AbortSignal,
): AsyncGenerator<OutputFile> {
  for (const [kind, url] of Object.entries(sample.outputs)) {
    if (typeof url !== 'string' || (only !== undefined && !only.includes(kind))) continue;
    yield { name: FILE_NAMES[kind] ?? kind + extensionOf(url), url };
  }
  const paged = sample.more_images != null;
  if (only === undefined ? paged : !only.includes('images')) return;
  const images: AsyncIterable<ListedImage> | readonly ListedImage[] = paged
    ? client.images(sample.id, { ready: true, signal })
    : sample.images;
  const count = paged ? sample.request.count : sample.images.length;
  for await (const image of images) {
    if (image.url !== null) yield { name: imageName(image, count), url: image.url };
  }
}

type ListedImage = Omit<ImageEntry, 'sha256'>;

function extensionOf(url: string): string {
  return /\.\w+$/.exec(new URL(url).pathname)?.[0] ?? '';
}
