/** Writes bytes to a file as they come: read, digested and written at the same time, through a few buffers. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '../byte-source.ts';

/** All of them stay in a core's cache, from reading over digesting to writing: larger ones take twice the time. */
const BUFFER_BYTES = 2 ** 18;
const BUFFERS = 4;

export interface Written {
  readonly bytes: number;
  /** In lower-case hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Writes a new file; it is on the disk when this resolves.
 *
 * @throws {Error} if the file is there already, a source fails, or `signal` fires
 */
export async function writeStream(
  path: string,
  sources: Iterable<ByteSource>,
  signal?: AbortSignal,
): Promise<Written> {
  const handle = await open(path, 'wx');
  const file = new BufferedFile(handle);
  try {
    for (const source of sources) {
      for (let left = source.length; left > 0; ) {
        signal?.throwIfAborted();
        const space = await file.space(left);
        source.fill(space);
        file.commit(space.length);
        left -= space.length;
      }
    }
    return await file.finish();
  } finally {
    await file.settle();
    await handle.close();
  }
}

interface Buffer {
  readonly bytes: Uint8Array;
  /** Until it is, the buffer must be left alone. */
  written: Promise<void>;
}

class BufferedFile {
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #buffers: Buffer[] = [];
  #current = 0;
  /** Bytes in the current buffer. */
  #filled = 0;
  /** Bytes in the buffers before it. */
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Free memory for up to `wanted` bytes, at least one. */
  async space(wanted: number): Promise<Uint8Array> {
    this.#buffers[this.#current] ??= { bytes: new Uint8Array(BUFFER_BYTES), written: Promise.resolve() };
    const { bytes, written } = this.#buffers[this.#current]!;
    if (this.#filled === 0) await written;
    return bytes.subarray(this.#filled, this.#filled + wanted);
  }

  /** The first `count` bytes of the space are there. */
  commit(count: number): void {
    this.#filled += count;
    if (this.#filled === BUFFER_BYTES) this.#flush();
  }

  async finish(): Promise<Written> {
    this.#flush();
    await this.#writing;
    await this.#handle.sync();
    return { bytes: this.#position, sha256: this.#hash.digest('hex') };
  }

  /** Nothing is under way afterwards. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#writing]);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const buffer = this.#buffers[this.#current]!;
    const bytes = buffer.bytes.subarray(0, this.#filled);
    const position = this.#position;
    // One after another: writes to the same file only wait for each other.
    this.#writing = this.#writing.then(() => writeAll(this.#handle, bytes, position));
    // Its failure is met at the next await; until then it is not an unhandled one.
    this.#writing.catch(() => undefined);
    buffer.written = this.#writing;
    // While it is on its way.
    this.#hash.update(bytes);
    this.#position += this.#filled;
    this.#filled = 0;
    this.#current = (this.#current + 1) % BUFFERS;
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < piece.byteLength; ) {
    const { bytesWritten } = await handle.write(piece, done, piece.byteLength - done, position + done);
    done += bytesWritten;
  }
}
