/** Writes bytes to a file as they come: read, digested and written at the same time, through a few buffers. */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../byte-source.ts';
import { alignedBytes, OutputFile } from './output-file.ts';

/** They stay in a core's cache from reading to digesting; smaller ones ask more of the disk. */
const BUFFER_BYTES = 2 ** 20;
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
  const output = await OutputFile.create(path);
  const stream = new BufferedStream(output);
  try {
    for (const source of sources) {
      for (let left = source.length; left > 0; ) {
        signal?.throwIfAborted();
        const space = await stream.space(left);
        source.fill(space);
        stream.commit(space.length);
        left -= space.length;
      }
    }
    return await stream.finish();
  } finally {
    await stream.settle();
    await output.close();
  }
}

interface Buffer {
  readonly bytes: Uint8Array;
  /** Until it is, the buffer must be left alone. */
  written: Promise<void>;
}

class BufferedStream {
  readonly #output: OutputFile;
  readonly #hash = createHash('sha256');
  readonly #buffers: Buffer[];
  #current = 0;
  /** Bytes in the current buffer. */
  #filled = 0;
  /** Bytes in the buffers before it. */
  #position = 0;

  constructor(output: OutputFile) {
    this.#output = output;
    const memory = alignedBytes(BUFFERS * BUFFER_BYTES);
    this.#buffers = Array.from({ length: BUFFERS }, (_, index) => ({
      bytes: memory.subarray(index * BUFFER_BYTES, (index + 1) * BUFFER_BYTES),
      written: Promise.resolve(),
    }));
  }

  /** Free memory for up to `wanted` bytes, at least one. */
  async space(wanted: number): Promise<Uint8Array> {
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
    await Promise.all(this.#buffers.map(({ written }) => written));
    await this.#output.finish();
    return { bytes: this.#position, sha256: this.#hash.digest('hex') };
  }

  /** Nothing is under way afterwards. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#buffers.map(({ written }) => written));
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const buffer = this.#buffers[this.#current]!;
    buffer.written = this.#output.write(buffer.bytes, this.#filled, this.#position);
    // Its failure is met at the next await; until then it is not an unhandled one.
    buffer.written.catch(() => undefined);
    // While it is on its way.
    this.#hash.update(buffer.bytes.subarray(0, this.#filled));
    this.#position += this.#filled;
    this.#filled = 0;
    this.#current = (this.#current + 1) % BUFFERS;
  }
}
