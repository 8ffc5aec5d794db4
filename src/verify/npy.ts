/** Reader of NumPy's .npy files (format versions 1 to 3): C order, little-endian, real numbers and booleans. */

type Values =
  | Float64Array
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

export interface NpyArray {
  /** NumPy's name of the element type, e.g. `float32`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Row-major. 64-bit integers come as float64, float16 as float32, booleans as 0 and 1. */
  readonly data: Values;
}

interface ElementType {
  readonly dtype: string;
  readonly bytes: number;
  /** @param buffer exactly the elements, aligned */
  readonly view: (buffer: ArrayBuffer) => Values;
}

const ELEMENT_TYPES: Readonly<Record<string, ElementType>> = {
  '<f8': { dtype: 'float64', bytes: 8, view: (buffer) => new Float64Array(buffer) },
  '<f4': { dtype: 'float32', bytes: 4, view: (buffer) => new Float32Array(buffer) },
  '<f2': { dtype: 'float16', bytes: 2, view: (buffer) => Float32Array.from(new Float16Array(buffer)) },
  '<i8': { dtype: 'int64', bytes: 8, view: (buffer) => Float64Array.from(new BigInt64Array(buffer), Number) },
  '<i4': { dtype: 'int32', bytes: 4, view: (buffer) => new Int32Array(buffer) },
  '<i2': { dtype: 'int16', bytes: 2, view: (buffer) => new Int16Array(buffer) },
  '|i1': { dtype: 'int8', bytes: 1, view: (buffer) => new Int8Array(buffer) },
  '<u8': {
    dtype: 'uint64',
    bytes: 8,
    view: (buffer) => Float64Array.from(new BigUint64Array(buffer), Number),
  },
  '<u4': { dtype: 'uint32', bytes: 4, view: (buffer) => new Uint32Array(buffer) },
  '<u2': { dtype: 'uint16', bytes: 2, view: (buffer) => new Uint16Array(buffer) },
  '|u1': { dtype: 'uint8', bytes: 1, view: (buffer) => new Uint8Array(buffer) },
  '|b1': { dtype: 'bool', bytes: 1, view: (buffer) => new Uint8Array(buffer) },
};

/** What stands before the elements. */
export interface NpyHeader {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataStart: number;
  readonly bytesPerElement: number;
  /** @param buffer whole elements, aligned */
  readonly view: (buffer: ArrayBuffer) => Values;
}

/** The most that a header takes in files that NumPy writes: versions 2 and 3 are for longer ones. */
export const NPY_HEADER_BYTES = 65_536 + 12;

/**
 * @param bytes the file's beginning, with the whole header in it
 * @throws {Error} if the bytes are no .npy file, or hold another kind of element or order
 */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY' || bytes[0] !== 0x93) {
    throw new Error('not an .npy file: it does not begin with \\x93NUMPY');
  }
  const longHeader = bytes[6]! >= 2;
  const headerStart = longHeader ? 12 : 10;
  const dataStart = headerStart + (longHeader ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(headerStart, dataStart));
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || shapeText === undefined)
    throw new Error(`unreadable .npy header: ${header.trim()}`);
  const type = ELEMENT_TYPES[descr];
  if (!type)
    throw new Error(`.npy element type ${descr} is not one of ${Object.keys(ELEMENT_TYPES).join(', ')}`);
  if (/'fortran_order':\s*True/.test(header)) throw new Error('.npy file in Fortran order: expected C order');
  const shape = shapeText
    .split(',')
    .map((text) => text.trim())
    .filter(Boolean)
    .map(Number);
  return { dtype: type.dtype, shape, dataStart, bytesPerElement: type.bytes, view: type.view };
}

/** @throws {Error} if the bytes are no .npy file, are cut short, or hold another kind of element or order */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const { dtype, shape, dataStart, bytesPerElement, view } = parseNpyHeader(bytes);
  const length = shape.reduce((product, size) => product * size, 1);
  const data = bytes.slice(dataStart, dataStart + length * bytesPerElement);
  if (data.byteLength !== length * bytesPerElement) {
    throw new Error(`.npy file cut short: ${data.byteLength} bytes for ${length} elements of ${dtype}`);
  }
  return { dtype, shape, data: view(data.buffer) };
}
