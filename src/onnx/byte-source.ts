/** Bytes that come in order, into memory of whoever wants them: gigabytes pass through a few buffers. */
import { readInto } from './read-at.ts';
import type { ScratchMemory } from './scratch-memory.ts';

export interface ByteSource {
  /** How many bytes it gives in all. */
  readonly length: number;
  /**
   * Fills `target` with the next bytes.
   *
   * @throws {Error} if they are not there or damaged
   */
  fill(target: Uint8Array): void;
}

/** Bytes that are in memory already. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  let position = 0;
  return {
    length: bytes.length,
    fill(target) {
      target.set(bytes.subarray(position, position + target.length));
      position += target.length;
    },
  };
}

/**
 * Bytes of a file.
 *
 * @param file a file descriptor, open until the last byte is taken
 * @param check sees every part in turn, and `true` with the last
 */
export function fileSource(
  file: number,
  offset: number,
  length: number,
  check?: (part: Uint8Array, last: boolean) => void,
): ByteSource {
  let position = 0;
  return {
    length,
    fill(target) {
      readInto(file, offset + position, target);
      position += target.length;
      check?.(target, position === length);
    },
  };
}

/**
 * Bytes that are computed all at once, in borrowed memory, when the first of them is asked for.
 *
 * @param compute fills its target, which is `length` bytes long and begins with a buffer
 */
export function computedSource(
  length: number,
  memory: ScratchMemory,
  compute: (target: Uint8Array<ArrayBuffer>) => void,
): ByteSource {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let position = 0;
  return {
    length,
    fill(target) {
      if (bytes === undefined) {
        bytes = memory.take(length);
        compute(bytes);
      }
      target.set(bytes.subarray(position, position + target.length));
      position += target.length;
      if (position === length) memory.give(bytes);
    },
  };
}
