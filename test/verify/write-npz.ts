import { zipSync } from 'fflate';

type Values = Float32Array | Float64Array | Int32Array | Uint8Array | Uint32Array;

/** A .npy file of format version 1.0. */
export function npyBytes(
  descr: string,
  shape: readonly number[],
  data: Uint8Array,
  fortran = false,
): Uint8Array {
  const shapeText = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shapeText}, }`;
  const header = new TextEncoder().encode(`${text.padEnd(127 - 10)}\n`);
  const bytes = new Uint8Array(10 + header.length + data.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8]);
  bytes.set(header, 10);
  bytes.set(data, 10 + header.length);
  return bytes;
}

/** An .npz file. */
export function npzBytes(
  arrays: Readonly<Record<string, { shape: readonly number[]; data: Values }>>,
): Uint8Array {
  const files = Object.entries(arrays).map(([name, { shape, data }]) => {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [`${name}.npy`, npyBytes(descrOf(data), shape, raw)] as const;
  });
  return zipSync(Object.fromEntries(files));
}

function descrOf(data: Values): string {
  if (data instanceof Float32Array) return '<f4';
  if (data instanceof Float64Array) return '<f8';
  if (data instanceof Int32Array) return '<i4';
  return data instanceof Uint32Array ? '<u4' : '|u1';
}
