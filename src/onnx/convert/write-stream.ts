/** Writes bytes to a file as they come: read, digested and written at the same time, through a few buffers. */
import { type FileHandle, open } from 'node:fs/promises';
import type { ByteSource } from '../byte-source.ts';
import { type Digest, digestBeside, digestHere } from './digest.ts';

/** Large enough that a call costs nothing beside its bytes, small enough to stay in the caches. */
const BUFFER_BYTES = 2 ** 22;
const BUFFERS = 4;

/** From here on the digest gets a thread of its own. */
const LARGE_BYTES = 2 ** 25;

export interface Written {
  readonly bytes: number;
  /** In lower-case hexadecimal digits. */
  readonly sha256: string;
}

export interface WriteOptions {
  /** Of all sources together, as far as that is known. */
  readonly bytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a new file; it is on the disk when this resolves.
 *
 * @throws {Error} if the file is there already, a source fails, or `signal` fires
 */
export async function writeStream(
  path: string,
  sources: Iterable<ByteSource>,
  { bytes = 0, signal }: WriteOptions = {},
): Promise<Written> {
  const handle = await open(path, 'wx');
  await using digest = bytes < LARGE_BYTES ? digestHere() : digestBeside();
  const file = new BufferedFile(handle, digest);
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
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** When it is written and digested; until then the buffer must be left alone. */
  done: Promise<void>;
}

class BufferedFile {
  readonly #handle: FileHandle;
  readonly #digest: Digest;
  readonly #buffers: Buffer[] = [];
  #current = 0;
  /** Bytes in the current buffer. */
  #filled = 0;
  /** Bytes in the buffers before it. */
  #position = 0;

  constructor(handle: FileHandle, digest: Digest) {
    this.#handle = handle;
    this.#digest = digest;
  }

  /** Free memory for up to `wanted` bytes, at least one. */
  async space(wanted: number): Promise<Uint8Array> {
    this.#buffers[this.#current] ??= {
      bytes: new Uint8Array(new SharedArrayBuffer(BUFFER_BYTES)),
      done: Promise.resolve(),
    };
    const { bytes, done } = this.#buffers[this.#current]!;
    if (this.#filled === 0) await done;
    return bytes.subarray(this.#filled, this.#filled + wanted);
  }

  /** The first `count` bytes of the space are there. */
  commit(count: number): void {
    this.#filled += count;
    if (this.#filled === BUFFER_BYTES) this.#flush();
  }

  async finish(): Promise<Written> {
    this.#flush();
    for (const { done } of this.#buffers) await done;
    await this.#handle.sync();
    return { bytes: this.#position, sha256: await this.#digest.finish() };
  }

  /** Nothing is under way afterwards. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#buffers.map(({ done }) => done));
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const buffer = this.#buffers[this.#current]!;
    const bytes = buffer.bytes.subarray(0, this.#filled);
    const parts = [writeAll(this.#handle, bytes, this.#position), this.#digest.update(bytes)];
    buffer.done = Promise.all(parts).then(() => undefined);
    // Its failure is met at the next await; until then it is not an unhandled one.
    buffer.done.catch(() => undefined);
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
