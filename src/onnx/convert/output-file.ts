/**
 * A new file, written around the system's page cache where that can be done (O_DIRECT): gigabytes that are written once
 * are not copied in memory then, push nothing else out of it, and are on the disk as soon as they are written.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** What direct writes demand of addresses, positions and lengths is this, or less, on all common disks. */
const BLOCK_BYTES = 2 ** 12;
const WASM_PAGE_BYTES = 2 ** 16;

/** Node's types leave it out. */
declare const WebAssembly: {
  readonly Memory: new (pages: {
    initial: number;
    maximum: number;
    shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
};

/**
 * Memory that begins with a block, and that threads can share: that of WebAssembly begins with a page, that of a
 * `Uint8Array` anywhere.
 */
export function alignedBytes(length: number): Uint8Array {
  const pages = Math.ceil(length / WASM_PAGE_BYTES);
  return new Uint8Array(
    new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer,
    0,
    length,
  );
}

export class OutputFile {
  readonly #cached: FileHandle;
  /** Of the same file; `undefined` where the system or the file system has no such writes. */
  #direct: FileHandle | undefined;
  #size = 0;

  private constructor(cached: FileHandle, direct: FileHandle | undefined) {
    this.#cached = cached;
    this.#direct = direct;
  }

  /** @throws {Error} if the file is there already, or can't be made */
  static async create(path: string): Promise<OutputFile> {
    const cached = await open(path, 'wx');
    const { O_DIRECT, O_WRONLY } = constants;
    // Linux alone has the flag, and not all of its file systems take it.
    const direct =
      O_DIRECT === undefined ? undefined : await open(path, O_WRONLY | O_DIRECT).catch(() => undefined);
    return new OutputFile(cached, direct);
  }

  /**
   * Writes the first `length` bytes of `memory`; several may be under way. Direct if position and, but for the last of
   * the file, length are of whole blocks, and the memory begins with one and holds whole ones.
   */
  async write(memory: Uint8Array, length: number, position: number): Promise<void> {
    this.#size = Math.max(this.#size, position + length);
    const direct = this.#direct;
    if (direct) {
      const blocks = Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES;
      try {
        // What is too much of the last block is cut off in the end.
        return await writeAll(direct, memory.subarray(0, blocks), position);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
        // Not these blocks, or not here after all.
      }
    }
    await writeAll(this.#cached, memory.subarray(0, length), position);
  }

  /** All of it is on the disk afterwards. */
  async finish(): Promise<void> {
    if (this.#direct) await this.#cached.truncate(this.#size);
    await this.#cached.sync();
  }

  async close(): Promise<void> {
    await Promise.all([this.#cached.close(), this.#direct?.close()]);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
