/** A file is there as a whole or not at all. */
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Writes beside the target and moves the file into its place once it is on disk. */
export async function writeAtomically(target: string, bytes: Uint8Array): Promise<void> {
  const fresh = join(dirname(target), `.${basename(target)}.${process.pid}`);
  try {
    const handle = await open(fresh, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, target);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
