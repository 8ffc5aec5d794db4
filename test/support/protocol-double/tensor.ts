/** Tensors between the wire and onnxruntime, of the two datatypes that denoising steps have. */
import { Tensor } from '../../../src/onnx/onnxruntime.ts';

export type Datatype = 'FP32' | 'INT32';

export interface WireTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data: Float32Array | Int32Array;
}

export const CONFIG_TYPES: Readonly<Record<string, Datatype>> = { TYPE_FP32: 'FP32', TYPE_INT32: 'INT32' };

export const elements = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

export function fromNumbers(datatype: Datatype, values: Iterable<number>): Float32Array | Int32Array {
  return datatype === 'FP32' ? Float32Array.from(values) : Int32Array.from(values);
}

/** @param bytes little-endian, row-major */
export function fromBlob(datatype: Datatype, bytes: Buffer): Float32Array | Int32Array {
  const size = bytes.length / 4;
  return fromNumbers(
    datatype,
    Array.from({ length: size }, (_, i) =>
      datatype === 'FP32' ? bytes.readFloatLE(4 * i) : bytes.readInt32LE(4 * i),
    ),
  );
}

export function toBlob({ datatype, data }: WireTensor): Buffer {
  const bytes = Buffer.alloc(4 * data.length);
  for (const [i, value] of data.entries()) {
    if (datatype === 'FP32') bytes.writeFloatLE(value, 4 * i);
    else bytes.writeInt32LE(value, 4 * i);
  }
  return bytes;
}

/** @param shape what the graph takes */
export function toOrt({ data }: WireTensor, shape: readonly number[]): Tensor {
  return data instanceof Float32Array ? new Tensor('float32', data, shape) : new Tensor('int32', data, shape);
}
