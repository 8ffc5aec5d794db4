/**
 * Tensors on their way between a server and an engine process: written to a file that both have open and that has no
 * name any more, so that nothing is left behind whoever dies. The bytes stay in the page cache. There and back, 3 MB take
 * about half as long as through a pipe, where both sides take turns for every 64 KB; 48 KB take as long.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, read, readSync, unlinkSync, write, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bytesPerElement, type Datatype, elementCount, toBytes } from '../../inference/oip/datatype.ts';
import type { NamedTensor } from '../../inference/oip/tensor.ts';

/** A tensor in the file. */
export interface TensorPlace {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Byte at which its elements begin. */
  readonly offset: number;
}

/** Up to here, a millisecond or two, the thread waits for the copy: handing it to another one often takes longer. */
const IN_PLACE_BYTES = 8 * 2 ** 20;

/** The file among an engine process's open ones. */
export const EXCHANGE_FD = 4;

const writeLater = promisify(write);
const readLater = promisify(read);

export class Exchange {
  readonly fd: number;
  #copies = 0;
  #closed = false;

  /** @param fd of a file open for reading and writing */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** @throws {Error} if the folder for temporary files (TMPDIR) can't be written to */
  static create(): Exchange {
    const path = join(tmpdir(), `cairn-engine-${randomUUID()}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return new Exchange(fd);
  }

  /**
   * @param from byte from which on the file is free
   * @returns where the tensors lie, for {@link take} on the other side
   */
  async put(tensors: readonly NamedTensor[], from: number): Promise<TensorPlace[]> {
    const places: TensorPlace[] = [];
    let offset = from;
    for (const { name, datatype, shape, data } of tensors) {
      places.push({ name, datatype, shape, offset });
      await this.#copy(WRITE, toBytes(data), offset);
      offset += data.byteLength;
    }
    return places;
  }

  /** @param room gives the array to read into, of the length that the shape says */
  async take(
    places: readonly TensorPlace[],
    room: (place: TensorPlace) => NamedTensor['data'],
  ): Promise<NamedTensor[]> {
    const tensors: NamedTensor[] = [];
    for (const place of places) {
      const { name, datatype, shape, offset } = place;
      const data = room(place);
      await this.#copy(READ, toBytes(data), offset);
      tensors.push({ name, datatype, shape, data });
    }
    return tensors;
  }

  /** Not under a copy that is on its way: the number of a closed file soon means another one. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#copies === 0) closeSync(this.fd);
  }

  async #copy(direction: Copy, bytes: Uint8Array, position: number): Promise<void> {
    if (this.#closed) throw new Error('the exchange file is closed');
    this.#copies += 1;
    try {
      await transfer(direction, this.fd, bytes, position);
    } finally {
      this.#copies -= 1;
      if (this.#closed && this.#copies === 0) closeSync(this.fd);
    }
  }
}

export function bytesOf({ datatype, shape }: TensorPlace): number {
  return elementCount(shape) * bytesPerElement(datatype);
}

/** @returns the byte behind the last of them */
export function endOf(places: readonly TensorPlace[]): number {
  const last = places.at(-1);
  return last === undefined ? 0 : last.offset + bytesOf(last);
}

/** Copies all of `bytes` from or to the file, whatever portions the system does it in. */
async function transfer(copy: Copy, fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const part = bytes.subarray(done);
    const at = position + done;
    const count = part.byteLength <= IN_PLACE_BYTES ? copy.now(fd, part, at) : await copy.later(fd, part, at);
    if (count === 0) throw new Error('the exchange file is shorter than it should be');
    done += count;
  }
}

interface Copy {
  /** @returns bytes copied */
  now(fd: number, bytes: Uint8Array, position: number): number;
  later(fd: number, bytes: Uint8Array, position: number): Promise<number>;
}

const WRITE: Copy = {
  now: (fd, bytes, position) => writeSync(fd, bytes, 0, bytes.byteLength, position),
  later: async (fd, bytes, position) =>
    (await writeLater(fd, bytes, 0, bytes.byteLength, position)).bytesWritten,
};
const READ: Copy = {
  now: (fd, bytes, position) => readSync(fd, bytes, 0, bytes.byteLength, position),
  later: async (fd, bytes, position) => (await readLater(fd, bytes, 0, bytes.byteLength, position)).bytesRead,
};
