/** Writes a model folder as a whole or not at all. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { GraphFile } from '../../models/manifest.ts';

export interface FolderWriter {
  /** Writes one file; returns its manifest entry. */
  write(file: string, bytes: Uint8Array): Promise<GraphFile>;
}

/** What mkdir gives by default; temporary folders are made for their owner alone. */
const FOLDER_MODE = 0o755;

/**
 * Fills a new folder beside `target` and puts it in the place of `target` when `fill` is done: an interrupted
 * conversion leaves what was there before.
 *
 * @throws whatever `fill` throws, after the new folder has been removed
 */
export async function replaceFolder<T>(
  target: string,
  fill: (writer: FolderWriter) => Promise<T>,
): Promise<T> {
  const place = resolve(target);
  await mkdir(dirname(place), { recursive: true });
  const fresh = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    const result = await fill({ write: (file, bytes) => writeFileDurably(fresh, file, bytes) });
    await chmod(fresh, FOLDER_MODE);
    await swap(fresh, place);
    return result;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Folders can't be replaced in one move, so the old one steps aside, and back if the new one can't take its place. */
async function swap(fresh: string, place: string): Promise<void> {
  const aside = `${fresh}.old`;
  const replaced = await moveIfThere(place, aside);
  try {
    await rename(fresh, place);
  } catch (error) {
    if (replaced) await rename(aside, place);
    throw error;
  }
  if (replaced) await rm(aside, { recursive: true });
}

async function writeFileDurably(folder: string, file: string, bytes: Uint8Array): Promise<GraphFile> {
  const handle = await open(join(folder, file), 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, bytes: bytes.byteLength, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
