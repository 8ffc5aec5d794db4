/**
 * PyTorch's zip layout: `<any name>/data.pkl` describes the tensors, `<any name>/data/<key>` holds the elements of
 * storage `key`, uncompressed.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { type FileEntry, ZipReader } from '@zip.js/zip.js';
import { type ByteSource, fileSource } from '../byte-source.ts';
import { readAt } from '../read-at.ts';
import { BYTES_PER_ELEMENT } from './dtype.ts';
import { FileReader } from './file-reader.ts';
import type { StorageRecords } from './storage-records.ts';
import { resolveStorage, resolveTorchGlobal, type Storage } from './torch-globals.ts';
import { unpickle } from './unpickler.ts';

const BIG_ENDIAN = 'big';
const STORED = 0;
const DEFLATED = 8;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_SIGNATURE = 0x04034b50;
/** A description of 100,000 tensors is about 20 MB. */
const MAX_PICKLE_BYTES = 2 ** 26;
/** PyTorch compresses nothing. Deflated data can be a thousand times what the file holds, so there is a limit. */
const MAX_INFLATED_BYTES = 2 ** 28;

/** @throws {Error} if the file is no whole zip of this layout, or if its pickle is refused */
export async function openZipLayout(
  file: number,
  size: number,
): Promise<{ root: unknown; records: StorageRecords }> {
  const entries = await readDirectory(file, size);
  const pickles = [...entries.keys()].filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw new Error(`a zip file with ${pickles.length} data.pkl records; a PyTorch checkpoint has one`);
  }
  const entry = entries.get(pickle)!;
  if (entry.uncompressedSize > MAX_PICKLE_BYTES)
    throw new Error(`${pickle} is over ${MAX_PICKLE_BYTES} bytes`);
  const bytes = readEntry(file, entry, 0, entry.uncompressedSize);
  const environment = { resolveGlobal: resolveTorchGlobal, resolvePersistentId: resolveStorage };
  const { value } = unpickle(bytes, environment);
  const folder = pickle.slice(0, -'data.pkl'.length);
  checkByteOrder(file, entries.get(`${folder}byteorder`));
  return { root: value, records: new ZipRecords(file, entries, folder) };
}

/** Older files have no such record: they were all written on little-endian machines. */
function checkByteOrder(file: number, entry: FileEntry | undefined): void {
  if (entry === undefined || entry.uncompressedSize !== BIG_ENDIAN.length) return;
  const order = Buffer.from(readEntry(file, entry, 0, entry.uncompressedSize)).toString('latin1');
  if (order === BIG_ENDIAN) throw new Error('a checkpoint written on a big-endian machine');
}

async function readDirectory(file: number, size: number): Promise<Map<string, FileEntry>> {
  const zip = new ZipReader(new FileReader(file, size), { useWebWorkers: false });
  try {
    const entries = await zip.getEntries();
    return new Map(entries.filter((entry) => !entry.directory).map((entry) => [entry.filename, entry]));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`a damaged or truncated zip file (${reason})`, { cause: error });
  }
}

class ZipRecords implements StorageRecords {
  readonly #file: number;
  readonly #entries: ReadonlyMap<string, FileEntry>;
  readonly #folder: string;

  constructor(file: number, entries: ReadonlyMap<string, FileEntry>, folder: string) {
    this.#file = file;
    this.#entries = entries;
    this.#folder = folder;
  }

  check(storage: Storage): void {
    this.#entry(storage);
  }

  read(storage: Storage, start: number, length: number): Uint8Array<ArrayBuffer> {
    return readEntry(this.#file, this.#entry(storage), start, length);
  }

  source(storage: Storage, start: number, length: number): ByteSource | undefined {
    const entry = this.#entry(storage);
    if (entry.encrypted || entry.compressionMethod !== STORED) return undefined;
    const whole = length === entry.uncompressedSize;
    return fileSource(
      this.#file,
      dataOffset(this.#file, entry) + start,
      length,
      whole ? checksum(entry) : undefined,
    );
  }

  #entry(storage: Storage): FileEntry {
    const name = `${this.#folder}data/${storage.key}`;
    const entry = this.#entries.get(name);
    if (!entry) throw new Error(`the file has no record ${name}`);
    const expected = storage.length * BYTES_PER_ELEMENT[storage.dtype];
    if (entry.uncompressedSize < expected) {
      throw new Error(`record ${name} has ${entry.uncompressedSize} bytes; its storage needs ${expected}`);
    }
    return entry;
  }
}

/**
 * Reads a part of a record. What is stored uncompressed is read directly, so that a small view into a storage of
 * gigabytes costs no more than itself; the checksum is verified whenever the whole record is read.
 */
function readEntry(file: number, entry: FileEntry, start: number, length: number): Uint8Array<ArrayBuffer> {
  if (entry.encrypted) throw new Error(`record ${entry.filename} is encrypted`);
  if (entry.compressionMethod === STORED && length < entry.uncompressedSize) {
    return readAt(file, dataOffset(file, entry) + start, length);
  }
  const whole = decompress(entry, readAt(file, dataOffset(file, entry), entry.compressedSize));
  if (crc32(whole) !== entry.crc32) throw damaged(entry);
  return length === whole.length ? whole : whole.slice(start, start + length);
}

/** Sees a record part by part. */
function checksum(entry: FileEntry): (part: Uint8Array, last: boolean) => void {
  let sum = 0;
  return (part, last) => {
    sum = crc32(part, sum);
    if (last && sum !== entry.crc32) throw damaged(entry);
  };
}

function damaged(entry: FileEntry): Error {
  return new Error(`record ${entry.filename} is damaged: its checksum does not match`);
}

function decompress(entry: FileEntry, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  switch (entry.compressionMethod) {
    case STORED:
      return bytes;
    case DEFLATED:
      if (entry.uncompressedSize > MAX_INFLATED_BYTES) {
        throw new Error(
          `record ${entry.filename} is compressed and has ${entry.uncompressedSize} bytes; expected at most ${MAX_INFLATED_BYTES}`,
        );
      }
      return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: Math.max(1, entry.uncompressedSize) }));
    default:
      throw new Error(`record ${entry.filename} has compression method ${entry.compressionMethod}`);
  }
}

/** The directory does not say where an entry's data starts: the local header has a name and padding of its own. */
function dataOffset(file: number, entry: FileEntry): number {
  const header = readAt(file, entry.offset, LOCAL_HEADER_BYTES);
  const view = new DataView(header.buffer);
  if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE) {
    throw new Error(`record ${entry.filename} has no header at byte ${entry.offset}`);
  }
  return entry.offset + LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
}
