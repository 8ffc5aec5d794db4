/** Tensor datatypes of the Open Inference Protocol v2 and the typed arrays that hold them. */
import { excerpt, ProtocolError } from './error.ts';

const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

/** Every datatype of the protocol but BYTES: strings have no place in a denoising step. */
export type Datatype = keyof typeof ARRAYS;

/** Elements of a tensor, row-major; a BOOL is a byte that is 0 or 1. */
export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float16Array
  | Float32Array
  | Float64Array;

// The protocol's blobs are little-endian, and so is every platform that Workers and Node run Cairn on.
if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new Error('Cairn reads tensors as they lie in memory and needs a little-endian machine');
}

/** @throws {ProtocolError} if the protocol has no such datatype, or Cairn does not carry it (BYTES) */
export function parseDatatype(value: unknown, where: string): Datatype {
  if (typeof value === 'string' && Object.hasOwn(ARRAYS, value)) return value as Datatype;
  throw new ProtocolError(
    `${where}: unsupported datatype ${excerpt(value)}; expected one of ${Object.keys(ARRAYS).join(', ')}`,
  );
}

export function bytesPerElement(datatype: Datatype): number {
  return ARRAYS[datatype].BYTES_PER_ELEMENT;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Elements of a blob, as a copy of their own: nothing keeps the whole message alive. */
export function fromBytes(datatype: Datatype, bytes: Uint8Array): TensorData {
  const own = new Uint8Array(bytes);
  return new ARRAYS[datatype](own.buffer);
}

/** Elements of a blob, in the message's own memory where its place there allows it. */
export function viewBytes(datatype: Datatype, bytes: Uint8Array): TensorData {
  const array = ARRAYS[datatype];
  if (bytes.byteOffset % array.BYTES_PER_ELEMENT !== 0) return fromBytes(datatype, bytes);
  return new array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / array.BYTES_PER_ELEMENT);
}

/** The same memory as bytes. */
export function toBytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

export function isDataOf(datatype: Datatype, data: TensorData): boolean {
  return data instanceof ARRAYS[datatype];
}

/** An array of the datatype with room for `length` elements, all zero. */
export function emptyData(datatype: Datatype, length: number): TensorData {
  return new ARRAYS[datatype](length);
}
