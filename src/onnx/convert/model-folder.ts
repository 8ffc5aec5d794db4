/** Writes a model folder as a whole or not at all. */
import { createHash } from 'node:crypto';
import { chmod, type FileHandle, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** A file as model.json names it. */
export interface WrittenFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface FolderWriter {
  /** The folder while it is being filled. */
  readonly path: string;
  /** Writes one file; returns its manifest entry. */
  write(file: string, bytes: Uint8Array): Promise<WrittenFile>;
  /** Writes one file piece by piece. */
  stream(file: string, pieces: Iterable<Uint8Array>): Promise<WrittenFile>;
}

/** What mkdir gives by default; temporary folders are made for their owner alone. */
const FOLDER_MODE = 0o755;

/**
 * Fills a new folder beside `target` and puts it in the place of `target` when `fill` is done: an interrupted
 * conversion leaves what was there before. What a killed one left beside it is removed by the next.
 *
 * @throws whatever `fill` throws, after the new folder has been removed
 */
export async function replaceFolder<T>(
  target: string,
  fill: (writer: FolderWriter) => Promise<T>,
): Promise<T> {
  const place = resolve(target);
  await mkdir(dirname(place), { recursive: true });
  await clearAfterKilled(place);
  const fresh = await mkdtemp(join(dirname(place), `.${basename(place)}-${process.pid}-`));
  try {
    const result = await fill({
      path: fresh,
      write: (file, bytes) => writeDurably(fresh, file, [bytes]),
      stream: (file, pieces) => writeDurably(fresh, file, pieces),
    });
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

async function writeDurably(
  folder: string,
  file: string,
  pieces: Iterable<Uint8Array>,
): Promise<WrittenFile> {
  const handle = await open(join(folder, file), 'wx');
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    let writing = Promise.resolve();
    // The next piece is read, and this one digested, while the one before is on its way to the disk.
    for (const piece of pieces) {
      await writing;
      writing = writeAll(handle, piece, bytes);
      // Its failure is met at the next await; until then it is not an unhandled one.
      writing.catch(() => undefined);
      hash.update(piece);
      bytes += piece.byteLength;
    }
    await writing;
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file, bytes, sha256: hash.digest('hex') };
}

async function writeAll(handle: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < piece.byteLength) {
    const { bytesWritten } = await handle.write(piece, done, piece.byteLength - done, position + done);
    done += bytesWritten;
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
