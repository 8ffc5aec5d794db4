/**
 * The safetensors format: the length of a JSON header (8 bytes), the header with type, shape and place of each
 * tensor, then the elements. The places have to cover the rest of the file exactly, so that no byte of it is hidden.
 */
import { z } from 'zod';
import { type ByteSource, fileSource } from '../byte-source.ts';
import { readAt } from '../read-at.ts';
import { BYTES_PER_ELEMENT, type Dtype } from './dtype.ts';
import type { StorageRecords } from './storage-records.ts';
import { elementCount } from './strided.ts';
import { MAX_AXES, Storage, TensorReference } from './torch-globals.ts';

const LENGTH_BYTES = 8;
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const OPENING_BRACE = 0x7b;
const METADATA = '__metadata__';

const DTYPES: Readonly<Record<string, Dtype>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};

const count = z.int().min(0);
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(count).max(MAX_AXES),
  data_offsets: z.tuple([count, count]),
});

interface Place {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** Whether a file begins like one: a length that fits, then a brace. */
export function isSafetensors(file: number, size: number): boolean {
  if (size < LENGTH_BYTES + 2) return false;
  const head = readAt(file, 0, LENGTH_BYTES + 1);
  return head[LENGTH_BYTES] === OPENING_BRACE && headerLength(head) <= BigInt(size - LENGTH_BYTES);
}

function headerLength(head: Uint8Array<ArrayBuffer>): bigint {
  return new DataView(head.buffer).getBigUint64(0, true);
}

/** @throws {Error} if the header is damaged, or its tensors do not cover the file exactly */
export function openSafetensors(file: number, size: number): { root: unknown; records: StorageRecords } {
  const length = Number(headerLength(readAt(file, 0, LENGTH_BYTES)));
  if (length > MAX_HEADER_BYTES)
    throw new Error(`a header of ${length} bytes; the format allows ${MAX_HEADER_BYTES}`);
  const places = readPlaces(readAt(file, LENGTH_BYTES, length));
  const start = LENGTH_BYTES + length;
  checkCoverage(places, size - start);
  const root = new Map(places.map((place) => [place.name, reference(place)]));
  const offsets = new Map(places.map(({ name, begin }) => [name, start + begin]));
  return { root, records: new SafetensorsRecords(file, offsets) };
}

function readPlaces(bytes: Uint8Array): Place[] {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`a safetensors header that is not JSON (${(error as Error).message})`, { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new Error('a safetensors header that is no object');
  }
  return Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => placeOf(name, entry));
}

function placeOf(name: string, entry: unknown): Place {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`tensor ${name} in the header: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { dtype: code, shape, data_offsets } = parsed.data;
  const [begin, end] = data_offsets;
  const dtype = Object.hasOwn(DTYPES, code) ? DTYPES[code] : undefined;
  if (dtype === undefined) {
    throw new Error(`tensor ${name} has type ${code}; expected one of ${Object.keys(DTYPES).join(', ')}`);
  }
  const needed = elementCount(shape) * BYTES_PER_ELEMENT[dtype];
  if (end - begin !== needed) {
    throw new Error(`tensor ${name} [${shape}] of ${code} needs ${needed} bytes and has ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(places: readonly Place[], bytes: number): void {
  let position = 0;
  for (const { name, begin, end } of places.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      throw new Error(
        `tensor ${name} starts at byte ${begin} of the data; expected ${position}, where the one before ends`,
      );
    }
    position = end;
  }
  if (position !== bytes)
    throw new Error(`the tensors end at byte ${position} of the data, which has ${bytes}`);
}

/** Each tensor has a storage of its own, in row-major order. */
function reference({ name, dtype, shape }: Place): TensorReference {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  return new TensorReference(new Storage(name, dtype, elementCount(shape)), 0, shape, strides);
}

class SafetensorsRecords implements StorageRecords {
  readonly #file: number;
  readonly #offsets: ReadonlyMap<string, number>;

  constructor(file: number, offsets: ReadonlyMap<string, number>) {
    this.#file = file;
    this.#offsets = offsets;
  }

  check(): void {
    // The header's places were checked against the file as a whole.
  }

  read(storage: Storage, start: number, length: number): Uint8Array<ArrayBuffer> {
    return readAt(this.#file, this.#offsets.get(storage.key)! + start, length);
  }

  source(storage: Storage, start: number, length: number): ByteSource {
    return fileSource(this.#file, this.#offsets.get(storage.key)! + start, length);
  }
}
