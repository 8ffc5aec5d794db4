import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'fflate';
import { Npz } from './npz.ts';

/** A directory of golden data: its files by relative path, and which of them a check has looked at. */
export class GoldenDirectory {
  readonly root: string;
  /** Relative paths with `/`, sorted. */
  readonly files: readonly string[];
  readonly #claimed = new Set<string>();

  private constructor(root: string, files: readonly string[]) {
    this.root = root;
    this.files = files;
  }

  /** @throws {Error} if there is no such directory */
  static async open(root: string): Promise<GoldenDirectory> {
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((cause: Error) => {
      throw new Error(`can't read the directory ${root}: ${cause.message}`, { cause });
    });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(root, '/').length).replaceAll('\\', '/'));
    return new GoldenDirectory(root, files.sort());
  }

  has(path: string): boolean {
    return this.files.includes(path);
  }

  /** Says that a check accounts for this file. */
  claim(path: string): void {
    this.#claimed.add(path);
  }

  isClaimed(path: string): boolean {
    return this.#claimed.has(path);
  }

  absolute(path: string): string {
    return join(this.root, path);
  }

  /** The content of a .json or .json.gz file; undefined if it is no JSON. */
  async json(path: string): Promise<unknown> {
    const bytes = await readFile(this.absolute(path));
    try {
      return JSON.parse(new TextDecoder().decode(path.endsWith('.gz') ? gunzipSync(bytes) : bytes));
    } catch {
      return undefined;
    }
  }

  /** Opens an .npz file and claims it. */
  async npz(path: string): Promise<Npz> {
    this.claim(path);
    return new Npz(await readFile(this.absolute(path)), path);
  }

  /**
   * The .npz file that belongs to an index: the one of the same name, else the first unclaimed one in the same folder
   * that has the array.
   *
   * @throws {Error} if there is none
   */
  async companion(index: string, array: string): Promise<{ path: string; npz: Npz }> {
    const sameName = index.replace(/\.json$/, '.npz');
    if (this.has(sameName)) return { path: sameName, npz: await this.npz(sameName) };
    for (const path of this.files) {
      if (!path.endsWith('.npz') || folderOf(path) !== folderOf(index) || this.isClaimed(path)) continue;
      const npz = new Npz(await readFile(this.absolute(path)), path);
      if (npz.has(array)) {
        this.claim(path);
        return { path, npz };
      }
    }
    throw new Error(
      `no .npz file beside ${index} has its arrays (looked for ${sameName} and for "${array}")`,
    );
  }
}

/** The folder of a relative path with its slash, "" for the top. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
