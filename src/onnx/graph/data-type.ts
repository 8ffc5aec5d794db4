/** ONNX element types by the names used throughout Cairn, with their codes in onnx.proto and their storage. */
import { TensorProto_DataType as Code } from 'onnx-buf';

export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

export type NumericArray =
  | Float16Array
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): NumericArray;
}

interface DataTypeRow {
  readonly code: Code;
  readonly array: ArrayType;
}

/** bfloat16 has no array type of its own: its elements are the upper halves of float32, held as uint16. */
const TABLE: Readonly<Record<DataType, DataTypeRow>> = {
  float32: { code: Code.FLOAT, array: Float32Array },
  float64: { code: Code.DOUBLE, array: Float64Array },
  float16: { code: Code.FLOAT16, array: Float16Array },
  bfloat16: { code: Code.BFLOAT16, array: Uint16Array },
  int8: { code: Code.INT8, array: Int8Array },
  int16: { code: Code.INT16, array: Int16Array },
  int32: { code: Code.INT32, array: Int32Array },
  int64: { code: Code.INT64, array: BigInt64Array },
  uint8: { code: Code.UINT8, array: Uint8Array },
  uint16: { code: Code.UINT16, array: Uint16Array },
  uint32: { code: Code.UINT32, array: Uint32Array },
  uint64: { code: Code.UINT64, array: BigUint64Array },
  bool: { code: Code.BOOL, array: Uint8Array },
};

const BY_CODE = new Map<number, DataType>(
  (Object.keys(TABLE) as DataType[]).map((dtype) => [TABLE[dtype].code, dtype]),
);

/** Element size in bytes. */
export function byteSize(dtype: DataType): number {
  return TABLE[dtype].array.BYTES_PER_ELEMENT;
}

/** The element type's number in onnx.proto's TensorProto.DataType. */
export function onnxCode(dtype: DataType): number {
  return TABLE[dtype].code;
}

/**
 * @param where what the code was read from, for the message
 * @throws {Error} for strings, complex numbers and types below eight bits, which no supported operator takes
 */
export function dataTypeFromCode(code: number, where: string): DataType {
  const dtype = BY_CODE.get(code);
  if (dtype === undefined) {
    throw new Error(`${where} has element type ${Code[code] ?? code}, which Cairn does not support`);
  }
  return dtype;
}

/** Views little-endian bytes as elements; copies only where the bytes lie at an odd address. */
export function viewElements(dtype: DataType, bytes: Uint8Array): NumericArray {
  const { array } = TABLE[dtype];
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 && bytes.buffer instanceof ArrayBuffer;
  const source = aligned ? bytes : new Uint8Array(bytes);
  return new array(
    source.buffer as ArrayBuffer,
    source.byteOffset,
    source.byteLength / array.BYTES_PER_ELEMENT,
  );
}

export function isFloat(dtype: DataType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}
