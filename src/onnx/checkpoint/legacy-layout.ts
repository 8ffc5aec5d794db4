/**
 * PyTorch's layout before 1.6: five pickles one after another (magic number, protocol, system, the tensors, the keys
 * of the storages), then each storage in the keys' order: its length in elements (int64) and its elements.
 */

import { type ByteSource, fileSource } from '../byte-source.ts';
import { readAt } from '../read-at.ts';
import { BYTES_PER_ELEMENT } from './dtype.ts';
import type { StorageRecords } from './storage-records.ts';
import { resolveStorage, resolveTorchGlobal, type Storage } from './torch-globals.ts';
import { unpickle } from './unpickler.ts';

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
const LENGTH_BYTES = 8;
/** The pickles come first; a description of 100,000 tensors is about 20 MB. */
const MAX_PICKLE_BYTES = 2 ** 26;

/** @throws {Error} if the file is not whole, not of this layout, or if its pickles are refused */
export function openLegacyLayout(file: number, size: number): { root: unknown; records: StorageRecords } {
  const head = readAt(file, 0, Math.min(size, MAX_PICKLE_BYTES));
  const storages = new Map<string, Storage>();
  const environment = {
    resolveGlobal: resolveTorchGlobal,
    resolvePersistentId: (id: unknown) => {
      const storage = resolveStorage(id);
      storages.set(storage.key, storage);
      return storage;
    },
  };
  let position = 0;
  const next = (): unknown => {
    const { value, end } = unpickle(head, environment, position);
    position = end;
    return value;
  };
  if (next() !== MAGIC_NUMBER) throw new Error('a pickle, but not a PyTorch checkpoint');
  const version = next();
  if (version !== PROTOCOL_VERSION) {
    throw new Error(`legacy layout version ${String(version)}; expected ${PROTOCOL_VERSION}`);
  }
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false) {
    throw new Error('a checkpoint written on a big-endian machine');
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw new Error('the list of storages is missing');
  return { root, records: locate(file, keys, storages, position) };
}

function locate(
  file: number,
  keys: readonly unknown[],
  storages: ReadonlyMap<string, Storage>,
  start: number,
): LegacyRecords {
  const places = new Map<string, Place>();
  let position = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (!storage) throw new Error(`storage ${String(key)} belongs to no tensor`);
    const header = readAt(file, position, LENGTH_BYTES);
    const length = Number(new DataView(header.buffer).getBigInt64(0, true));
    if (!Number.isSafeInteger(length) || length < 0) throw new Error(`storage ${storage.key} has no length`);
    places.set(storage.key, { offset: position + LENGTH_BYTES, length });
    position += LENGTH_BYTES + length * BYTES_PER_ELEMENT[storage.dtype];
  }
  return new LegacyRecords(file, places);
}

interface Place {
  /** Of the first element, in bytes from the start of the file. */
  readonly offset: number;
  /** In elements. */
  readonly length: number;
}

class LegacyRecords implements StorageRecords {
  readonly #file: number;
  readonly #places: ReadonlyMap<string, Place>;

  constructor(file: number, places: ReadonlyMap<string, Place>) {
    this.#file = file;
    this.#places = places;
  }

  check(storage: Storage): void {
    this.#place(storage);
  }

  read(storage: Storage, start: number, length: number): Uint8Array<ArrayBuffer> {
    return readAt(this.#file, this.#offset(storage) + start, length);
  }

  source(storage: Storage, start: number, length: number): ByteSource {
    return fileSource(this.#file, this.#offset(storage) + start, length);
  }

  /** Of a storage's first element, in bytes from the start of the file. */
  #offset(storage: Storage): number {
    return this.#place(storage).offset + storage.windowOffset * BYTES_PER_ELEMENT[storage.dtype];
  }

  #place(storage: Storage): Place {
    const place = this.#places.get(storage.key);
    if (!place) throw new Error(`the file has no storage ${storage.key}`);
    if (storage.windowOffset + storage.length > place.length) {
      throw new Error(`storage ${storage.key} has ${place.length} elements; ${storage.length} are needed`);
    }
    return place;
  }
}
