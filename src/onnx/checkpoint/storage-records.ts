import type { ByteSource } from '../byte-source.ts';
import type { Storage } from './torch-globals.ts';

/** Where a layout keeps the elements of its storages. */
export interface StorageRecords {
  /** @throws {Error} if the file has no such storage, or one too short */
  check(storage: Storage): void;
  /**
   * Reads `length` bytes of a storage from byte `start` on.
   *
   * @throws {Error} if they are not there or damaged
   */
  read(storage: Storage, start: number, length: number): Uint8Array<ArrayBuffer>;
  /** The same bytes in order; `undefined` where they can only be had together. */
  source(storage: Storage, start: number, length: number): ByteSource | undefined;
}
