/** Random access to a file for the zip library: a checkpoint of gigabytes is never in memory as a whole. */
import type { FileHandle } from 'node:fs/promises';
import { Reader } from '@zip.js/zip.js';

export class FileReader extends Reader<FileHandle> {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, size: number) {
    super(handle);
    this.#handle = handle;
    this.size = size;
  }

  override readUint8Array(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return readAt(this.#handle, offset, Math.max(0, Math.min(length, this.size - offset)));
  }
}

/** @throws {Error} if the file ends before */
export async function readAt(
  handle: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0)
      throw new Error(`the file ends at byte ${offset + done}, ${length - done} bytes short`);
    done += bytesRead;
  }
  return bytes;
}
