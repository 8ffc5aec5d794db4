/** Tensors between the wire and onnxruntime, of the datatypes that denoising steps have. */
import { Tensor } from '../../../src/onnx/onnxruntime.ts';

export type Datatype = 'FP16' | 'FP32' | 'INT32';
export type Data = Float16Array | Float32Array | Int32Array;

export interface WireTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data: Data;
}

export const CONFIG_TYPES: Readonly<Record<string, Datatype>> = {
  TYPE_FP16: 'FP16',
  TYPE_FP32: 'FP32',
  TYPE_INT32: 'INT32',
};

interface Codec {
  /** Bytes of an element. */
  size: number;
  /** onnxruntime's name of the type. */
  type: 'float16' | 'float32' | 'int32';
  from(values: Iterable<number>): Data;
  read(view: DataView, at: number): number;
  write(view: DataView, at: number, value: number): void;
}

const LITTLE = true;
export const CODECS: Readonly<Record<Datatype, Codec>> = {
  FP16: {
    ...{ size: 2, type: 'float16', from: (values) => Float16Array.from(values) },
    read: (view, at) => view.getFloat16(at, LITTLE),
    write: (view, at, value) => view.setFloat16(at, value, LITTLE),
  },
  FP32: {
    ...{ size: 4, type: 'float32', from: (values) => Float32Array.from(values) },
    read: (view, at) => view.getFloat32(at, LITTLE),
    write: (view, at, value) => view.setFloat32(at, value, LITTLE),
  },
  INT32: {
    ...{ size: 4, type: 'int32', from: (values) => Int32Array.from(values) },
    read: (view, at) => view.getInt32(at, LITTLE),
    write: (view, at, value) => view.setInt32(at, value, LITTLE),
  },
};

export const elements = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

/** @param bytes little-endian, row-major */
export function fromBlob(datatype: Datatype, bytes: Buffer): Data {
  const { size, from, read } = CODECS[datatype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return from(Array.from({ length: bytes.length / size }, (_, i) => read(view, size * i)));
}

export function toBlob({ datatype, data }: WireTensor): Buffer {
  const { size, write } = CODECS[datatype];
  const bytes = Buffer.alloc(size * data.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [i, value] of data.entries()) write(view, size * i, value);
  return bytes;
}

/** @param shape what the graph takes */
export function toOrt(tensor: WireTensor, shape: readonly number[]): Tensor {
  const { datatype, data } = tensor;
  if (data instanceof Float32Array) return new Tensor('float32', data, shape);
  if (data instanceof Int32Array) return new Tensor('int32', data, shape);
  const bits = new Uint16Array(Uint8Array.from(toBlob(tensor)).buffer);
  // onnxruntime's native side sees nothing of the Float16Array that its JavaScript side makes of the bits.
  return Object.defineProperty(new Tensor(CODECS[datatype].type, bits, shape), 'data', { value: bits });
}

/** @param shape on the wire */
export function fromOrt(
  { name, datatype }: Pick<WireTensor, 'name' | 'datatype'>,
  { data, type }: Tensor,
  shape: number[],
): WireTensor {
  const codec = CODECS[datatype];
  if (type !== codec.type || !ArrayBuffer.isView(data)) {
    throw new Error(`output '${name}' is ${type}, not ${codec.type}`);
  }
  const values = fromBlob(datatype, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  if (values.length !== elements(shape)) {
    throw new Error(`output '${name}' has ${values.length} values, not [${shape}]`);
  }
  return { name, datatype, shape, data: values };
}
