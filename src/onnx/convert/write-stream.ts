/** Writes bytes to a file as they come: read, digested and written at the same time, through a few buffers. */
import { availableParallelism } from 'node:os';
import type { ByteSource } from '../byte-source.ts';
import { type Digest, DigestThread, digestHere } from './digest.ts';
import { alignedBytes, OutputFile } from './output-file.ts';

/**
 * Smaller ones ask more of the disk and wake the threads more often. All of them together last a digest for as long as
 * the largest weights take to be folded.
 */
const BUFFER_BYTES = 2 ** 22;
const BUFFERS = 8;

/** Of streams that have ended, for the next: memory that threads have shared is long in being collected. */
const spare: Uint8Array[] = [];

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
    await stream.close();
    await output.close();
  }
}

interface Buffer {
  readonly bytes: Uint8Array;
  /** Both read the buffer: until they are done it must be left alone. */
  written: Promise<void>;
  digested: Promise<void>;
}

class BufferedStream {
  readonly #output: OutputFile;
  readonly #memory = spare.pop() ?? alignedBytes(BUFFERS * BUFFER_BYTES);
  readonly #buffers: Buffer[];
  #digest: Digest | undefined;
  #current = 0;
  /** Bytes in the current buffer. */
  #filled = 0;
  /** Bytes in the buffers before it. */
  #position = 0;

  constructor(output: OutputFile) {
    this.#output = output;
    this.#buffers = Array.from({ length: BUFFERS }, (_, index) => ({
      bytes: this.#memory.subarray(index * BUFFER_BYTES, (index + 1) * BUFFER_BYTES),
      written: Promise.resolve(),
      digested: Promise.resolve(),
    }));
  }

  /** Free memory for up to `wanted` bytes, at least one. */
  async space(wanted: number): Promise<Uint8Array> {
    const { bytes, written, digested } = this.#buffers[this.#current]!;
    if (this.#filled === 0) await Promise.all([written, digested]);
    return bytes.subarray(this.#filled, this.#filled + wanted);
  }

  /** The first `count` bytes of the space are there. */
  commit(count: number): void {
    this.#filled += count;
    if (this.#filled === BUFFER_BYTES) this.#pass();
  }

  async finish(): Promise<Written> {
    this.#pass();
    await Promise.all(this.#buffers.flatMap(({ written, digested }) => [written, digested]));
    await this.#output.finish();
    return { bytes: this.#position, sha256: await this.#chooseDigest().digest() };
  }

  /** Nothing is under way afterwards. */
  async close(): Promise<void> {
    await this.#digest?.close();
    await Promise.allSettled(this.#buffers.flatMap(({ written, digested }) => [written, digested]));
    spare.push(this.#memory);
  }

  /** Writes and digests the current buffer at the same time. */
  #pass(): void {
    if (this.#filled === 0) return;
    const buffer = this.#buffers[this.#current]!;
    buffer.written = this.#output.write(buffer.bytes, this.#filled, this.#position);
    buffer.digested = this.#chooseDigest().update(buffer.bytes.subarray(0, this.#filled));
    // A failure is met at the next await; until then it is not an unhandled one.
    buffer.written.catch(() => undefined);
    buffer.digested.catch(() => undefined);
    this.#position += this.#filled;
    this.#filled = 0;
    this.#current = (this.#current + 1) % BUFFERS;
  }

  /** When the first bytes are there: if they are less than a buffer they are all, and not worth a thread. */
  #chooseDigest(): Digest {
    const threaded = this.#filled === BUFFER_BYTES && availableParallelism() > 1;
    this.#digest ??= threaded ? new DigestThread() : digestHere();
    return this.#digest;
  }
}
