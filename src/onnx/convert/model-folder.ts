/** Writes a model folder, or a model's files, as a whole or not at all. */
import { chmod, copyFile, link, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type ByteSource, bytesSource } from '../byte-source.ts';
import { type Written, writeStream } from './write-stream.ts';

/** A file as model.json names it. */
export interface WrittenFile extends Written {
  readonly file: string;
}

export interface FolderWriter {
  /** The folder while it is being filled. */
  readonly path: string;
  /** Writes one file; returns its manifest entry. */
  write(file: string, bytes: Uint8Array): Promise<WrittenFile>;
  /** Writes one file, one source after another. */
  stream(file: string, sources: Iterable<ByteSource>): Promise<WrittenFile>;
  /** Takes a file over as it is, under its own name. */
  keep(path: string): Promise<void>;
}

/** What mkdir gives by default; temporary folders are made for their owner alone. */
const FOLDER_MODE = 0o755;

/**
 * Fills a new folder beside `target` and puts it in the place of `target` when `fill` is done: an interrupted
 * conversion leaves what was there before. What a killed one left beside it is removed by the next.
 *
 * @throws whatever `fill` throws, after the new folder has been removed; an AbortError if `signal` fires
 */
export async function replaceFolder<T>(
  target: string,
  fill: (writer: FolderWriter) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return fillBeside(resolve(target), fill, signal, async (fresh, place) => {
    await chmod(fresh, FOLDER_MODE);
    await swap(fresh, place);
  });
}

/**
 * The same for a file and those that belong to it: `fill` writes a file of the target's name, and others that it needs.
 * The target is moved last, so that what it needs is there when it is.
 */
export async function replaceFiles<T>(
  target: string,
  fill: (writer: FolderWriter) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return fillBeside(resolve(target), fill, signal, async (fresh, place) => {
    const others = (await readdir(fresh)).filter((file) => file !== basename(place));
    // The old one would need its own companions, not the new ones.
    if (others.length > 0) await rm(place, { force: true });
    for (const file of [...others, basename(place)]) {
      await rename(join(fresh, file), join(dirname(place), file));
    }
    await rm(fresh, { recursive: true });
  });
}

async function fillBeside<T>(
  place: string,
  fill: (writer: FolderWriter) => Promise<T>,
  signal: AbortSignal | undefined,
  install: (fresh: string, place: string) => Promise<void>,
): Promise<T> {
  await mkdir(dirname(place), { recursive: true });
  await clearAfterKilled(place);
  const fresh = await mkdtemp(join(dirname(place), `.${basename(place)}-${process.pid}-`));
  const stream = async (file: string, sources: Iterable<ByteSource>): Promise<WrittenFile> => {
    const { bytes, sha256 } = await writeStream(join(fresh, file), sources, signal);
    return { file, bytes, sha256 };
  };
  try {
    const result = await fill({
      path: fresh,
      write: (file, bytes) => stream(file, [bytesSource(bytes)]),
      stream,
      keep: (path) => linkOrCopy(path, join(fresh, basename(path))),
    });
    signal?.throwIfAborted();
    await install(fresh, place);
    return result;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Not every file system has links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
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

/** Removes the folders of dead processes; one that was killed between the two moves gets its old folder back. */
async function clearAfterKilled(place: string): Promise<void> {
  const names = await readdir(dirname(place));
  const prefix = `.${basename(place)}-`;
  for (const name of names.filter((entry) => entry.startsWith(prefix))) {
    const pid = /^(\d+)-\w{6}(\.old)?$/.exec(name.slice(prefix.length));
    if (!pid || isRunning(Number(pid[1]))) continue;
    const left = join(dirname(place), name);
    if (pid[2] !== undefined && !names.includes(basename(place))) await rename(left, place);
    else await rm(left, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
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
