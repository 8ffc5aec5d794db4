/** Model folders on disk: which there are, whether one has changed, and what its model.json says. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type ModelManifest, parseManifest } from '../models/manifest.ts';

const MANIFEST = 'model.json';

/**
 * @returns paths of the folders in `modelsDir` that have a model.json, by name
 * @throws {Error} if the directory can't be read
 */
export async function findModelFolders(modelsDir: string): Promise<string[]> {
  const entries = await readdir(modelsDir, { withFileTypes: true });
  const folders: string[] = [];
  for (const { name } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    // Hidden ones are conversions under way.
    if (name.startsWith('.')) continue;
    const folder = join(modelsDir, name);
    const manifest = await stat(join(folder, MANIFEST)).catch(() => null);
    if (manifest !== null) folders.push(folder);
  }
  return folders;
}

/**
 * Names the state of a folder's files without reading them: it changes when one of them is written, replaced, added or
 * removed.
 *
 * @returns null if the folder is no model folder (any more)
 */
export async function fingerprintOf(folder: string): Promise<string | null> {
  const names: string[] = await readdir(folder).catch(() => []);
  if (!names.includes(MANIFEST)) return null;
  const files = await Promise.all(
    names.sort().map(async (name) => {
      const file = await stat(join(folder, name)).catch(() => null);
      return file === null ? `${name} gone` : `${name} ${file.ino} ${file.size} ${file.mtimeMs}`;
    }),
  );
  return files.join('\n');
}

/** @throws {Error} if model.json is invalid, or its id is not the folder's name */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const path = join(folder, MANIFEST);
  const manifest = parseManifest(parseJson(await readFile(path, 'utf8'), path), path);
  if (manifest.id !== basename(folder)) {
    throw new Error(`${path}: id is "${manifest.id}" but the folder is "${basename(folder)}"`);
  }
  return manifest;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
