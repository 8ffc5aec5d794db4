/** Constant tensors whose bytes are asked for only when they are needed. */
import { type ByteSource, bytesSource } from '../byte-source.ts';
import { byteSize, type DataType, type NumericArray, viewElements } from './data-type.ts';
import type { ValueType } from './graph.ts';

/**
 * A constant. The bytes (row-major, little-endian) come from a function, so that a graph of gigabytes can be built
 * and written without holding its weights.
 */
export interface Tensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  bytes(): Uint8Array;
  /** The same bytes in order, where they can be had without holding all of them. */
  source?(): ByteSource | undefined;
}

/** The bytes in order, with as few of them in memory as can be. */
export function tensorSource(constant: Tensor): ByteSource {
  return constant.source?.() ?? bytesSource(constant.bytes());
}

export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** @throws {Error} if the data does not fill the dimensions exactly. */
export function tensor(dtype: DataType, dims: readonly number[], data: NumericArray): Tensor {
  if (data.length !== elementCount(dims)) {
    throw new Error(
      `a tensor [${dims}] needs ${elementCount(dims)} elements, not the ${data.length} that were given`,
    );
  }
  if (data.BYTES_PER_ELEMENT !== byteSize(dtype)) {
    throw new Error(`${dtype} elements are ${byteSize(dtype)} bytes, not ${data.BYTES_PER_ELEMENT}`);
  }
  return { dtype, dims, bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** Stores plain numbers as `dtype` (not bfloat16). */
export function tensorFrom(dtype: DataType, dims: readonly number[], data: readonly number[]): Tensor {
  const target = viewElements(dtype, new Uint8Array(data.length * byteSize(dtype)));
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) target.set(data.map(BigInt));
  else target.set(data);
  return tensor(dtype, dims, target);
}

/** Size of the data in bytes. */
export function tensorBytes(constant: Tensor): number {
  return elementCount(constant.dims) * byteSize(constant.dtype);
}

/** Larger tensors are data, not sizes. */
export const MOST_ELEMENTS = 64;

/** The type of the value that a constant gives, with its elements where they may matter to shapes. */
export function typeOf(constant: Tensor): ValueType {
  const { dtype, dims } = constant;
  const count = elementCount(dims);
  const integral = dtype === 'int64' || dtype === 'int32' || dtype === 'bool';
  // Exporters compute with sizes in floating point too, beginning with a constant where a size is known.
  const carriesShape =
    (integral && count <= MOST_ELEMENTS) || ((dtype === 'float32' || dtype === 'float64') && count === 1);
  return { dtype, shape: dims, ...(carriesShape && { elements: toNumbers(constant) }) };
}

/** A tensor whose bytes are fetched each time they are asked for. */
export function lazyTensor(
  dtype: DataType,
  dims: readonly number[],
  bytes: () => Uint8Array,
  source?: () => ByteSource | undefined,
): Tensor {
  return { dtype, dims, bytes, ...(source && { source }) };
}

/** The elements; 64-bit integers as BigInt, bfloat16 as its uint16 bit patterns. */
export function elements(constant: Tensor): NumericArray {
  return viewElements(constant.dtype, constant.bytes());
}

/** The elements as JavaScript numbers, whatever the stored type: for small constants such as axes. */
export function toNumbers(constant: Tensor): number[] {
  if (constant.dtype === 'bfloat16') {
    throw new Error('bfloat16 constants are not read as numbers; cast them first');
  }
  return Array.from(elements(constant) as Iterable<number | bigint>, Number);
}

/** Whether every element is this number. */
export function isUniform(constant: Tensor, value: number): boolean {
  return toNumbers(constant).every((element) => element === value);
}
