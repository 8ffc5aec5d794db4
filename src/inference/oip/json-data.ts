/** Tensor elements in JSON: flat or nested lists of numbers, or of booleans for BOOL. */
import type { Datatype, TensorData } from './datatype.ts';
import { elementCount, emptyData } from './datatype.ts';
import { excerpt, ProtocolError } from './error.ts';

/** Whole-number range of each integer datatype; 64-bit numbers only as far as JSON numbers are exact. */
const INTEGER_RANGE: Partial<Record<Datatype, readonly [min: number, max: number]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Largest magnitude that FP32 rounds to a finite number is just below this. */
const FP32_OVERFLOW = 2 ** 128 - 2 ** 103;

/**
 * Reads elements given as one flat list or as lists nested like the shape.
 *
 * @throws {ProtocolError} naming the element that is missing, superfluous, or of the wrong kind
 */
export function dataFromJson(
  datatype: Datatype,
  shape: readonly number[],
  json: unknown,
  where: string,
): TensorData {
  if (datatype === 'FP16') throw new ProtocolError(`${where}: FP16 has no JSON form; send it as binary data`);
  const count = elementCount(shape);
  if (!Array.isArray(json)) throw new ProtocolError(`${where}: data must be an array`);
  let flat: unknown[] = json;
  if (json.some(Array.isArray)) {
    flat = [];
    flatten(json, shape, 0, flat, where);
  }
  if (flat.length !== count) {
    throw new ProtocolError(`${where}: data has ${flat.length} elements but shape [${shape}] takes ${count}`);
  }

  // Only now: a shape alone must not make the reader allocate.
  const data = emptyData(datatype, count);
  for (let i = 0; i < count; i++) {
    const value = flat[i];
    if (!isElement(datatype, value)) {
      throw new ProtocolError(`${where}: data[${i}] is ${excerpt(value)}, which is no ${datatype}`);
    }
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value);
    else data[i] = Number(value);
  }
  return data;
}

/** @throws {ProtocolError} for what JSON can't say: FP16, NaN and infinities, integers beyond 2^53 */
export function dataToJson(tensor: {
  readonly name: string;
  readonly datatype: Datatype;
  readonly data: TensorData;
}): (number | boolean)[] {
  const { name, datatype, data } = tensor;
  if (datatype === 'FP16') {
    throw new ProtocolError(`tensor "${name}": FP16 has no JSON form; ask for it as binary data`);
  }
  return Array.from<number | bigint, number | boolean>(data, (value, i) => {
    const number = Number(value);
    if (!isElement(datatype, datatype === 'BOOL' ? number !== 0 : number)) {
      throw new ProtocolError(
        `tensor "${name}": element ${i} is ${value}, which JSON can't carry as ${datatype}`,
      );
    }
    return datatype === 'BOOL' ? number !== 0 : number;
  });
}

function isElement(datatype: Datatype, value: unknown): value is number | boolean {
  if (datatype === 'BOOL') return typeof value === 'boolean';
  if (typeof value !== 'number') return false;
  const range = INTEGER_RANGE[datatype];
  if (range !== undefined) return Number.isInteger(value) && value >= range[0] && value <= range[1];
  return Number.isFinite(value) && (datatype !== 'FP32' || Math.abs(value) < FP32_OVERFLOW);
}

function flatten(json: unknown, shape: readonly number[], axis: number, out: unknown[], where: string): void {
  if (axis === shape.length) {
    out.push(json);
    return;
  }
  if (!Array.isArray(json) || json.length !== shape[axis]) {
    const found = Array.isArray(json) ? `${json.length} entries` : 'no list';
    throw new ProtocolError(`${where}: nested data has ${found} along axis ${axis} of shape [${shape}]`);
  }
  for (const item of json) flatten(item, shape, axis + 1, out, where);
}
