/** A checkpoint's file for the zip library. */
import { Reader } from '@zip.js/zip.js';
import { readAt } from '../read-at.ts';

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
