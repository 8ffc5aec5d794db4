/** The few changes of datatype that lose nothing a denoising step needs. */
import type { Datatype, TensorData } from './datatype.ts';

type Convert = (data: TensorData) => TensorData | null;

/** By what comes in, then by what is wanted. */
const CONVERSIONS: Partial<Record<Datatype, Partial<Record<Datatype, Convert>>>> = {
  FP16: { FP32: (data) => widen(data as Float16Array) },
  FP32: { FP16: (data) => new Float16Array(data as Float32Array) },
  // The integers that numpy makes when nobody says otherwise.
  INT64: { INT32: (data) => narrow(data as BigInt64Array) },
};

export function canConvert(from: Datatype, to: Datatype): boolean {
  return from === to || CONVERSIONS[from]?.[to] !== undefined;
}

/**
 * Rounds FP32 to the nearest FP16 (beyond 65504 to infinity), widens FP16 to FP32, narrows INT64 to INT32.
 *
 * @returns the same array if it is of the datatype already; null if an integer has no place in INT32
 * @throws {TypeError} for any other pair of datatypes
 */
export function convertData(data: TensorData, from: Datatype, to: Datatype): TensorData | null {
  if (from === to) return data;
  const convert = CONVERSIONS[from]?.[to];
  if (convert === undefined) throw new TypeError(`no conversion from ${from} to ${to}`);
  return convert(data);
}

let halves: Float32Array | undefined;

/** By table: typed arrays convert FP16 an element at a time, several times as slowly. */
function widen(data: Float16Array): Float32Array {
  halves ??= new Float32Array(new Float16Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer));
  const bits = new Uint16Array(data.buffer, data.byteOffset, data.length);
  const floats = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) floats[i] = halves[bits[i]!]!;
  return floats;
}

function narrow(data: BigInt64Array): Int32Array | null {
  const integers = Int32Array.from(data, Number);
  return integers.every((value, i) => BigInt(value) === data[i]) ? integers : null;
}
