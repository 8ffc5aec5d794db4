/**
 * Constants outside the model file (ONNX external data): where a model says they are, and the files they are read
 * from. https://github.com/onnx/onnx/blob/main/docs/ExternalData.md
 */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fstatSync, openSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep, win32 } from 'node:path';
import type { TensorProto } from 'onnx-buf';
import { type ByteSource, fileSource } from '../byte-source.ts';
import { readAt } from '../read-at.ts';

/** What the model says of one constant. */
export interface ExternalReference {
  /** Path of the file, from the model's folder. */
  readonly location: string;
  /** First byte. */
  readonly offset: number;
  /** Bytes; if it is not said, as many as the constant needs. */
  readonly length?: number;
  /** SHA-1 of the whole file. */
  readonly checksum?: string;
}

/**
 * @param where which constant, for the message
 * @throws {Error} if there is no location, or a number is none
 */
export function externalReference({ externalData }: TensorProto, where: string): ExternalReference {
  const entry = (key: string) => externalData.find((candidate) => candidate.key === key)?.value;
  const number = (key: string): number | undefined => {
    const text = entry(key);
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new Error(`${where} has the ${key} "${text}" in its external data; expected a number of bytes`);
  };
  const location = entry('location');
  if (!location) throw new Error(`${where} is stored outside the model file, which does not say where`);
  const length = number('length');
  const checksum = entry('checksum');
  return {
    location,
    offset: number('offset') ?? 0,
    ...(length !== undefined && { length }),
    ...(checksum && { checksum: checksum.toLowerCase() }),
  };
}

/** The files beside a model, opened when they are first asked for. */
export class ExternalFiles implements Disposable {
  readonly #folder: string;
  readonly #open = new Map<string, { readonly file: number; readonly size: number }>();
  readonly #checksums = new Map<string, string>();

  /** @param folder the model's */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param bytes what the constant needs by its type and shape
   * @param where which constant, for the message
   * @returns read the constant, at once or in order, each time they are called
   * @throws {Error} if the file is not there or not inside the folder, or ends before the constant does
   */
  reader(
    reference: ExternalReference,
    bytes: number,
    where: string,
  ): { readonly bytes: () => Uint8Array; readonly source: () => ByteSource } {
    const { location, offset, length = bytes, checksum } = reference;
    if (length !== bytes) {
      throw new Error(`${where} needs ${bytes} bytes of data and has ${length} in ${location}`);
    }
    const { file, size } = this.#file(location, where);
    if (offset + length > size) {
      throw new Error(
        `${where} is at bytes ${offset} to ${offset + length} of ${location}, which ends at ${size}`,
      );
    }
    if (checksum !== undefined) this.#checksums.set(location, checksum);
    return { bytes: () => readAt(file, offset, length), source: () => fileSource(file, offset, length) };
  }

  /** The files asked for so far. */
  get opened(): readonly { readonly location: string; readonly size: number }[] {
    return [...this.#open].map(([location, { size }]) => ({ location, size }));
  }

  /** @throws {Error} if a file is not the one that the model was written with, as far as the model says */
  async verifyChecksums(): Promise<void> {
    for (const [location, expected] of this.#checksums) {
      const hash = createHash('sha1');
      const path = locateInside(this.#folder, location);
      for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }))
        hash.update(piece as Buffer);
      const actual = hash.digest('hex');
      if (actual !== expected) throw new Error(`${location} has SHA-1 ${actual}; the model says ${expected}`);
    }
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#open.values()) closeSync(file);
    this.#open.clear();
  }

  #file(location: string, where: string) {
    const known = this.#open.get(location);
    if (known !== undefined) return known;
    const file = openSync(this.#path(location, where), 'r');
    const opened = { file, size: fstatSync(file).size };
    this.#open.set(location, opened);
    return opened;
  }

  #path(location: string, where: string): string {
    try {
      return locateInside(this.#folder, location);
    } catch (error) {
      throw new Error(`${where} is stored in ${(error as Error).message}`, { cause: error });
    }
  }
}

/**
 * The file that a location means. Links that lead out of the folder are followed no more than `..` is.
 *
 * @throws {Error} if it is not there, or not inside the folder
 */
export function locateInside(folder: string, location: string): string {
  const parts = location.split(/[/\\]/);
  if (isAbsolute(location) || win32.isAbsolute(location) || parts.includes('..')) {
    throw new Error(`"${location}"; expected a path inside the model's folder`);
  }
  let path: string;
  try {
    path = realpathSync(join(folder, location));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file beside the model' : message;
    throw new Error(`${location}: ${reason}`, { cause: error });
  }
  const way = relative(realpathSync(folder), path);
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) {
    throw new Error(`${location}, a link that leads out of the model's folder`);
  }
  return path;
}
