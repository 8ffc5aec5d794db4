/** NumPy's .npy, version 1.0: the header names dtype, order and shape, then the raw values follow. */
const ALIGN = 64;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
/** NumPy leaves room for the first axis to grow to as many digits. */
const GROWTH_DIGITS = 21;

/** NumPy's names of little-endian float32, float16, uint8 and int64. */
export type NpyType = '<f4' | '<f2' | '|u1' | '<i8';

/** What comes before the values, byte for byte as NumPy writes it. @param shape of the values in C order */
export function npyHeader(type: NpyType, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const room = ' '.repeat(GROWTH_DIGITS - String(shape[0] ?? '').length);
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }${room}`;
  const unpadded = MAGIC.length + 2 + dict.length + 1;
  const text = `${dict}${' '.repeat((ALIGN - (unpadded % ALIGN)) % ALIGN)}\n`;
  const out = new Uint8Array(MAGIC.length + 2 + text.length);
  out.set(MAGIC);
  new DataView(out.buffer).setUint16(MAGIC.length, text.length, true);
  out.set(new TextEncoder().encode(text), MAGIC.length + 2);
  return out;
}

/** @param shape of the values in C order */
export function encodeNpy(values: Float32Array, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const header = npyHeader('<f4', shape);
  const out = new Uint8Array(header.length + values.byteLength);
  out.set(header);
  out.set(bytesOf(values), header.length);
  return out;
}

/** The bytes of an array. */
export function bytesOf(values: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
