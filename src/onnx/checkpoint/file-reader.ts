/**
 * Random access to a file: a checkpoint of gigabytes is never in memory as a whole. Reads are synchronous, because
 * graphs take the bytes of their constants on demand, in the middle of being written.
 */
import { fstatSync, readSync } from 'node:fs';
import { Reader } from '@zip.js/zip.js';

/** The same file for the zip library. */
export class FileReader extends Reader<number> {
  readonly #file: number;

  constructor(file: number, size: number) {
    super(file);
    this.#file = file;
    this.size = size;
  }

  override async readUint8Array(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return readAt(this.#file, offset, Math.max(0, Math.min(length, this.size - offset)));
  }
}

/**
 * @param file a file descriptor
 * @throws {Error} if the file ends before, which is known before any memory is taken for what a damaged length asks
 */
export function readAt(file: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const { size } = fstatSync(file);
  if (offset + length > size) {
    throw new Error(`bytes ${offset} to ${offset + length} are needed, and the file ends at ${size}`);
  }
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) throw new Error(`the file ends at byte ${offset + done}, ${length - done} bytes short`);
    done += count;
  }
  return bytes;
}
