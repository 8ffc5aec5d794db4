/**
 * The structure of an ONNX file without its large constants, which stay where they are: a model of gigabytes is
 * described by a few megabytes. Where a constant was, the structure refers to the file itself as external data.
 *
 * Works on protobuf's encoding (https://protobuf.dev/programming-guides/encoding/), because a decoder would need the
 * whole file in memory.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import { readAt } from '../read-at.ts';

/** How the error about a file that is something else begins. */
export const NOT_A_MODEL = 'these bytes are not an ONNX model';

/** Constants below this size stay in the structure. */
const SMALL_BYTES = 2 ** 14;
/** Nodes and small constants; a network of 100,000 nodes is about 20 MB. */
const MAX_STRUCTURE_BYTES = 2 ** 29;
/** Of graphs within graphs. */
const MAX_DEPTH = 100;
const WINDOW_BYTES = 2 ** 16;

/** Numbers of the fields that may hold large constants further down; `data` is a constant's bytes themselves. */
interface Fields {
  readonly [field: number]: () => Fields | 'data';
}
const tensor: Fields = { 9: () => 'data' };
const graph: Fields = { 1: () => node, 5: () => tensor };
const attribute: Fields = { 5: () => tensor, 10: () => tensor, 6: () => graph, 11: () => graph };
const node: Fields = { 5: () => attribute };
const modelFields: Fields = { 7: () => graph };

/** A part of the file that is taken over, or bytes in the place of another part. */
type Piece = { readonly start: number; end: number } | Uint8Array;

/**
 * @param file a file descriptor
 * @param name of the file, to refer to it
 * @throws {Error} if the file is not a protobuf message, or has too much in it besides large constants
 */
export function readStructure(file: number, size: number, name: string): Uint8Array<ArrayBuffer> {
  const pieces = skim(file, size, name);
  const bytes = lengthOf(pieces);
  if (bytes > MAX_STRUCTURE_BYTES) {
    throw new Error(
      `${bytes} bytes besides the constants that are stored as raw data; expected at most ${MAX_STRUCTURE_BYTES}`,
    );
  }
  const structure = new Uint8Array(bytes);
  let position = 0;
  for (const piece of pieces) {
    const part = piece instanceof Uint8Array ? piece : readAt(file, piece.start, piece.end - piece.start);
    structure.set(part, position);
    position += part.length;
  }
  return structure;
}

function skim(file: number, size: number, name: string): Piece[] {
  try {
    return new Skimmer(file, size, name).message(0, size, modelFields, 0);
  } catch (error) {
    throw new Error(`${NOT_A_MODEL}: ${(error as Error).message}`, { cause: error });
  }
}

class Skimmer {
  readonly #file: number;
  readonly #size: number;
  readonly #name: string;
  #window = new Uint8Array();
  #windowStart = 0;

  constructor(file: number, size: number, name: string) {
    this.#file = file;
    this.#size = size;
    this.#name = name;
  }

  message(start: number, end: number, fields: Fields, depth: number): Piece[] {
    if (depth > MAX_DEPTH) throw new Error('a message within too many others');
    const pieces: Piece[] = [];
    for (let position = start; position < end; ) {
      const tag = this.#varint(position, end);
      const field = Math.floor(tag.value / 8);
      const content = this.#content(tag.end, end, tag.value % 8);
      const inner = content.end - content.start < SMALL_BYTES ? undefined : fields[field]?.();
      if (inner === undefined || tag.value % 8 !== LENGTH_DELIMITED) {
        keep(pieces, position, content.end);
      } else if (inner === 'data') {
        pieces.push(this.#reference(content.start, content.end));
      } else {
        const parts = this.message(content.start, content.end, inner, depth + 1);
        keep(pieces, position, tag.end);
        pieces.push(encodeVarint(lengthOf(parts)));
        for (const part of parts) {
          if (part instanceof Uint8Array) pieces.push(part);
          else keep(pieces, part.start, part.end);
        }
      }
      position = content.end;
    }
    return pieces;
  }

  /** Where a field's content is; everything but the content itself lies before `start`. */
  #content(position: number, limit: number, wireType: number): { start: number; end: number } {
    let [start, end] = [position, position];
    if (wireType === VARINT) ({ end } = this.#varint(position, limit));
    else if (wireType === FIXED_64) end += 8;
    else if (wireType === FIXED_32) end += 4;
    else if (wireType === LENGTH_DELIMITED) {
      const length = this.#varint(position, limit);
      start = length.end;
      end = length.end + length.value;
    } else throw new Error(`wire type ${wireType} at byte ${position}`);
    if (end > limit) throw new Error(`a field that ends at byte ${end}, ${end - limit} bytes too late`);
    return { start, end };
  }

  #reference(start: number, end: number): Uint8Array {
    const entry = (key: string, value: string) => ({ key, value });
    return toBinary(
      TensorProtoSchema,
      create(TensorProtoSchema, {
        dataLocation: TensorProto_DataLocation.EXTERNAL,
        externalData: [
          entry('location', this.#name),
          entry('offset', String(start)),
          entry('length', String(end - start)),
        ],
      }),
    );
  }

  #varint(start: number, limit: number): { value: number; end: number } {
    let value = 0;
    for (let position = start, scale = 1; position < limit && scale < 2 ** 70; position++, scale *= 128) {
      const byte = this.#byte(position);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return { value, end: position + 1 };
    }
    throw new Error(`a number without an end at byte ${start}`);
  }

  #byte(position: number): number {
    const index = position - this.#windowStart;
    const known = index >= 0 ? this.#window[index] : undefined;
    if (known !== undefined) return known;
    this.#window = readAt(this.#file, position, Math.min(WINDOW_BYTES, this.#size - position));
    this.#windowStart = position;
    return this.#window[0]!;
  }
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

function keep(pieces: Piece[], start: number, end: number): void {
  const last = pieces.at(-1);
  if (last !== undefined && !(last instanceof Uint8Array) && last.end === start) last.end = end;
  else pieces.push({ start, end });
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce(
    (sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.end - piece.start),
    0,
  );
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.of(...bytes, rest);
}
