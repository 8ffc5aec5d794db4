/** Outputs of a sample as files. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CairnClient, SampleResponse } from '../../client/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { imageName } from '../demo/write-images.ts';

/** `images`, or a file of the whole sample by its name in `outputs`: `grid`, `npz`, ... */
export type OutputKind = string;

/** Names of files where they are not the kind's own with the URL's extension. */
const FILE_NAMES: Readonly<Record<string, string>> = { npz: 'samples.npz' };

/**
 * Writes what is there. Images that are still to come are left out.
 *
 * @param only kinds to write; everything if absent
 * @returns paths of the files
 * @throws {CliError} 2 for a folder that can't be written or a kind that there is not, 1 if nothing is there yet
 */
export async function saveOutputs(
  client: CairnClient,
  sample: SampleResponse,
  folder: string,
  { only, signal }: { only?: readonly OutputKind[]; signal: AbortSignal },
): Promise<string[]> {
  const kinds = ['images', ...Object.keys(sample.outputs)];
  const unknown = only?.find((kind) => !kinds.includes(kind));
  if (unknown !== undefined) {
    throw new CliError(`--only: there is no output "${unknown}"; there are ${kinds.join(', ')}`, EXIT_USAGE);
  }
  const wanted = filesOf(sample).filter(({ kind }) => only === undefined || only.includes(kind));
  if (wanted.length === 0) throw new CliError(`${sample.id} has no such output: it is ${sample.status}`);
  await makeFolder(folder);
  const paths: string[] = [];
  for (const { name, url } of wanted) {
    const path = join(folder, name);
    await writeFile(path, await client.download(url, { signal }));
    paths.push(path);
  }
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

function filesOf(sample: SampleResponse): { kind: OutputKind; name: string; url: string }[] {
  const images = sample.images.flatMap((image) =>
    image.url === null
      ? []
      : [{ kind: 'images', name: imageName(image, sample.images.length), url: image.url }],
  );
  const whole = Object.entries(sample.outputs).flatMap(([kind, url]) =>
    typeof url === 'string' ? [{ kind, name: FILE_NAMES[kind] ?? kind + extensionOf(url), url }] : [],
  );
  return [...whole, ...images];
}

function extensionOf(url: string): string {
  return /\.\w+$/.exec(new URL(url).pathname)?.[0] ?? '';
}
