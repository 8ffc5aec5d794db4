/**
 * Random access to a file: one of gigabytes is never in memory as a whole. Reads are synchronous, because graphs take
 * the bytes of their constants on demand, in the middle of being written.
 */
import { fstatSync, readSync } from 'node:fs';

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
  readInto(file, offset, bytes);
  return bytes;
}

/**
 * Fills `target` with the bytes from `offset` on.
 *
 * @throws {Error} if the file ends before
 */
export function readInto(file: number, offset: number, target: Uint8Array): void {
  const { length } = target;
  let done = 0;
  while (done < length) {
    const count = readSync(file, target, done, length - done, offset + done);
    if (count === 0) throw new Error(`the file ends at byte ${offset + done}, ${length - done} bytes short`);
    done += count;
  }
}
