/** One tensor of a message, and the JSON object that describes it. */
import type { Datatype, TensorData } from './datatype.ts';
import { bytesPerElement, elementCount, fromBytes, isDataOf, parseDatatype, viewBytes } from './datatype.ts';
import { excerpt, ProtocolError } from './error.ts';
import { dataFromJson, dataToJson } from './json-data.ts';

export interface NamedTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Row-major, as many elements as the shape says. */
  readonly data: TensorData;
}

/** A request's or response's free parameters. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** Description of a tensor as it stands in the JSON part; `data` is there unless the tensor is a blob. */
export interface TensorJson {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  readonly parameters?: Parameters;
  readonly data?: readonly (number | boolean)[];
}

/** @throws {ProtocolError} if the data does not fit datatype and shape, or has no JSON form (FP16, NaN, Inf) */
export function tensorToJson(tensor: NamedTensor, binary: boolean): TensorJson {
  const { name, datatype, shape, data } = tensor;
  if (!isDataOf(datatype, data) || data.length !== elementCount(shape)) {
    throw new ProtocolError(
      `tensor "${name}": ${data.length} elements in a ${data.constructor.name} do not make ${datatype} [${shape}]`,
    );
  }
  const head = { name, shape, datatype };
  return binary
    ? { ...head, parameters: { binary_data_size: data.byteLength } }
    : { ...head, data: dataToJson(tensor) };
}

/**
 * Whose memory a message's blobs are read into: `own`, so that a tensor does not keep the whole message alive, or the
 * message's, which costs no copy and leaves tensors valid only as long as nobody writes to the message.
 */
export type BlobMemory = 'own' | 'shared';

/** Hands out the blobs behind the JSON part, in the order in which the JSON names them. */
export class BlobReader {
  readonly #bytes: Uint8Array;
  readonly #memory: BlobMemory;
  #offset = 0;

  constructor(bytes: Uint8Array, memory: BlobMemory = 'own') {
    this.#bytes = bytes;
    this.#memory = memory;
  }

  /** @throws {ProtocolError} if fewer than `size` bytes are left */
  take(datatype: Datatype, size: number, where: string): TensorData {
    const left = this.#bytes.byteLength - this.#offset;
    if (size > left) {
      throw new ProtocolError(
        `${where}: binary_data_size is ${size} but only ${left} bytes of the body are left`,
      );
    }
    this.#offset += size;
    const blob = this.#bytes.subarray(this.#offset - size, this.#offset);
    return this.#memory === 'own' ? fromBytes(datatype, blob) : viewBytes(datatype, blob);
  }

  /** @throws {ProtocolError} if bytes are left that no tensor claimed */
  finish(): void {
    const left = this.#bytes.byteLength - this.#offset;
    if (left > 0)
      throw new ProtocolError(`the body has ${left} bytes that no tensor's binary_data_size claims`);
  }
}

/**
 * Reads one tensor.
 *
 * @param where e.g. `inputs[0]`, for messages
 * @throws {ProtocolError}
 */
export function parseTensor(json: unknown, blobs: BlobReader, where: string): NamedTensor {
  const object = parseObject(json, where);
  const name = parseName(object.name, where);
  const at = `${where} ${excerpt(name)}`;
  const datatype = parseDatatype(object.datatype, at);
  const shape = parseShape(object.shape, at);
  const size = parseParameters(object.parameters, at).binary_data_size;

  if (size === undefined) {
    if (object.data === undefined) {
      throw new ProtocolError(`${at}: has neither data nor parameters.binary_data_size`);
    }
    return { name, datatype, shape, data: dataFromJson(datatype, shape, object.data, at) };
  }
  if (object.data !== undefined) {
    throw new ProtocolError(`${at}: has both data and parameters.binary_data_size`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ProtocolError(`${at}: binary_data_size must be a count of bytes, not ${excerpt(size)}`);
  }
  const expected = elementCount(shape) * bytesPerElement(datatype);
  if (size !== expected) {
    throw new ProtocolError(
      `${at}: binary_data_size is ${size} but ${datatype} [${shape}] takes ${expected} bytes`,
    );
  }
  return { name, datatype, shape, data: blobs.take(datatype, size, at) };
}

/** Reads a list of tensors. @throws {ProtocolError} also for a name that comes twice */
export function parseTensors(json: unknown, blobs: BlobReader, where: string): NamedTensor[] {
  const tensors = parseArray(json, where).map((item, i) => parseTensor(item, blobs, `${where}[${i}]`));
  refuseDuplicates(tensors, where);
  return tensors;
}

export function parseObject(json: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Readonly<Record<string, unknown>>;
  }
  throw new ProtocolError(`${where}: expected an object`);
}

export function parseArray(json: unknown, where: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw new ProtocolError(`${where}: expected an array`);
}

export function parseName(json: unknown, where: string): string {
  if (typeof json === 'string' && json !== '') return json;
  throw new ProtocolError(`${where}: name must be a non-empty string`);
}

/** @throws {ProtocolError} unless absent or an object of strings, numbers and booleans */
export function parseParameters(json: unknown, where: string): Parameters {
  if (json === undefined) return {};
  const parameters = parseObject(json, `${where}: parameters`);
  for (const [key, value] of Object.entries(parameters)) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new ProtocolError(
        `${where}: parameters.${key.slice(0, 80)} must be a string, a number or a boolean`,
      );
    }
  }
  return parameters as Parameters;
}

/** @throws {ProtocolError} if a name comes twice */
export function refuseDuplicates(items: readonly { readonly name: string }[], where: string): void {
  const seen = new Set<string>();
  for (const { name } of items) {
    if (seen.has(name)) throw new ProtocolError(`${where}: ${excerpt(name)} is there twice`);
    seen.add(name);
  }
}

/** No tensor of a network has more; a longer list is an attack on whoever prints it. */
const MAX_RANK = 16;

function parseShape(json: unknown, where: string): readonly number[] {
  const shape = parseArray(json, `${where}: shape`);
  const wrong = shape.find((dim) => typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0);
  if (wrong !== undefined) {
    throw new ProtocolError(
      `${where}: shape must be a list of non-negative integers, but one is ${excerpt(wrong)}`,
    );
  }
  if (shape.length > MAX_RANK) {
    throw new ProtocolError(`${where}: shape has ${shape.length} dimensions, expected at most ${MAX_RANK}`);
  }
  if (!Number.isSafeInteger(elementCount(shape as number[]))) {
    throw new ProtocolError(`${where}: shape [${shape}] has more elements than can be counted`);
  }
  return shape as readonly number[];
}
