/** One digest over everything a bundled Worker is made of. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Files and folders, relative to the project, whose content decides the Worker's bundle. */
const WORKER_INPUTS = ['package-lock.json', 'wrangler.toml', 'models', 'src'];

/**
 * @param root project folder
 * @param inputs files and folders in it
 * @returns 32 hexadecimal digits: the same for the same bytes under the same names
 */
export async function bundleKey(root: string, inputs: readonly string[] = WORKER_INPUTS): Promise<string> {
  const hash = createHash('sha256');
  for (const file of await listFiles(root, inputs)) {
    const content = await readFile(join(root, file));
    hash.update(`${file}\0${content.byteLength}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 32);
}

async function listFiles(root: string, inputs: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const input of inputs) {
    const entries = await readdir(join(root, input), { recursive: true, withFileTypes: true }).catch(
      () => null,
    );
    if (entries === null) {
      files.push(input);
      continue;
    }
    for (const entry of entries) {
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(join(root, '/').length));
    }
  }
  return files.sort();
}
