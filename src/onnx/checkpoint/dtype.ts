/** Element types of checkpoint tensors, and the typed arrays that hold them. */

export type TensorData =
  | Float64Array
  | Float32Array
  | Float16Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

export type Dtype =
  | 'float64'
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'bool';

/** Bytes of one element as the file stores it. */
export const BYTES_PER_ELEMENT: Readonly<Record<Dtype, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
};

/**
 * Views little-endian bytes as elements. `bytes` must start at an address that the element type allows, and is
 * shared with the result, save for bfloat16: JavaScript has no array of that type, so its values come as float32,
 * which holds every one of them exactly.
 */
export function elementsFromBytes(dtype: Dtype, bytes: Uint8Array<ArrayBuffer>): TensorData {
  const { buffer, byteOffset } = bytes;
  const length = bytes.byteLength / BYTES_PER_ELEMENT[dtype];
  switch (dtype) {
    case 'float64':
      return new Float64Array(buffer, byteOffset, length);
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'float16':
      return new Float16Array(buffer, byteOffset, length);
    case 'bfloat16':
      return float32FromBfloat16(new Uint16Array(buffer, byteOffset, length));
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, length);
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'int16':
      return new Int16Array(buffer, byteOffset, length);
    case 'int8':
      return new Int8Array(buffer, byteOffset, length);
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, length);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'uint8':
    case 'bool':
      return bytes;
  }
}

/** The same values as float32: a copy, unless they are float32 already. */
export function toFloat32(data: TensorData): Float32Array {
  if (data instanceof Float32Array) return data;
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return wide
    ? Float32Array.from(data as Iterable<bigint>, Number)
    : new Float32Array(data as ArrayLike<number>);
}

/** A bfloat16 is the upper half of a float32. */
function float32FromBfloat16(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
