/**
 * Images from outside: PNG of any colour type to the tensor that a model's process begins with. What comes is not
 * trusted: sizes are read before anything is inflated, and no more is inflated than an image of that size has.
 */
import { convertIndexedToRgb, decode } from 'fast-png';
import { Unzlib } from 'fflate';
import { fromNHWC, type ImageShape } from '../core/index.ts';

/** The image is not one that can be used; the message is for whoever sent it. */
export class ImageInputError extends Error {
  override readonly name = 'ImageInputError';
}

/** Compressed bytes inflated at a time: even at the largest ratio of 1032 that is a few MB. */
const PIECE = 4_096;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** By PNG's colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const SAMPLES_PER_PIXEL: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** Of what decides the pixels; text and colour profiles are left out. */
const USED_CHUNKS: ReadonlySet<string> = new Set(['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND']);

/**
 * Colour becomes grey by its luma (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B), grey becomes colour by repetition. 16-bit
 * samples keep their precision. Colour profiles and gamma are not applied.
 *
 * @param shape of the model's images: the picture has to have its width and height
 * @returns `[C, H, W]` in [-1, 1]
 * @throws {ImageInputError} if it is no whole PNG, has another size, or is not opaque
 */
export function pngToTensor(bytes: Uint8Array, shape: ImageShape): Float32Array {
  const { width, height } = shape;
  const { data, colours, depth } = decoded(checked(bytes, shape));
  const largest = 2 ** depth - 1;
  const samples = depth < 8 ? unpacked(data, width, height, depth) : data;
  const area = width * height;
  const planes: number[] = [];
  for (let pixel = 0; pixel < area; pixel++) {
    const at = pixel * colours;
    if (colours % 2 === 0 && samples[at + colours - 1] !== largest) {
      throw new ImageInputError('the image has transparent pixels: flatten it onto a background first');
    }
    const rgb = colours < 3 ? [samples[at]!] : [samples[at]!, samples[at + 1]!, samples[at + 2]!];
    planes.push(...inColours(rgb, shape.channels));
  }
  return fromNHWC(planes, shape, largest);
}

function inColours(rgb: readonly number[], channels: number): readonly number[] {
  if (rgb.length === channels) return rgb;
  if (channels === 1) return [0.299 * rgb[0]! + 0.587 * rgb[1]! + 0.114 * rgb[2]!];
  return Array.from({ length: channels }, () => rgb[0]!);
}

/** Samples of 1, 2 or 4 bits, each row beginning on a byte (PNG, section 7.2). */
function unpacked(data: ArrayLike<number>, width: number, height: number, depth: number): number[] {
  const rowBytes = Math.ceil((width * depth) / 8);
  return Array.from({ length: width * height }, (_, i) => {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)]!;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  });
}

interface Decoded {
  readonly data: ArrayLike<number>;
  /** Samples of a pixel, alpha included. */
  readonly colours: number;
  /** Bits of a sample. */
  readonly depth: number;
}

function decoded(bytes: Uint8Array): Decoded {
  try {
    const image = decode(bytes, { checkCrc: true });
    const { palette, data, channels, depth } = image;
    if (palette === undefined) return { data, colours: channels, depth };
    return { data: convertIndexedToRgb(image), colours: palette[0]?.length ?? 0, depth: 8 };
  } catch (error) {
    throw new ImageInputError(`the PNG can't be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** The PNG without what is not used, its pixels known to inflate to what its size says. */
function checked(bytes: Uint8Array, { width, height }: ImageShape): Uint8Array {
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) throw new ImageInputError('expected a PNG image');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [bytes.subarray(0, SIGNATURE.length)];
  const pixels: Uint8Array[] = [];
  const types = new Set<string>();
  let type = '';
  for (let at = SIGNATURE.length; type !== 'IEND'; ) {
    if (at + 12 > bytes.length) throw new ImageInputError('the PNG is cut short');
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) throw new ImageInputError('the PNG is cut short');
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (parts.length === 1 && (type !== 'IHDR' || length !== 13)) {
      throw new ImageInputError('the PNG does not begin with its header');
    }
    if (USED_CHUNKS.has(type)) parts.push(bytes.subarray(at, at + 12 + length));
    types.add(type);
    if (type === 'IDAT') pixels.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const header = SIGNATURE.length + 8;
  const size = [view.getUint32(header), view.getUint32(header + 4)];
  if (size[0] !== width || size[1] !== height) {
    throw new ImageInputError(`the image is ${size[0]} x ${size[1]} pixels, expected ${width} x ${height}`);
  }
  const samples = SAMPLES_PER_PIXEL[bytes[header + 9]!];
  const depth = bytes[header + 8]!;
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(depth)) {
    throw new ImageInputError(
      `the PNG has colour type ${bytes[header + 9]} with ${depth} bits, which is none`,
    );
  }
  if (bytes[header + 9] === 3 && !types.has('PLTE')) throw new ImageInputError('the PNG has no palette');
  // Interlaced images have up to seven passes, each with its own rows.
  const most =
    8 * (Math.ceil((width * samples * depth) / 8) + 2) +
    2 * height * (Math.ceil((width * samples * depth) / 8) + 1);
  refuseBomb(pixels, most);
  return concatenated(parts);
}

/** @throws {ImageInputError} as soon as more comes out than the image can have */
function refuseBomb(pixels: readonly Uint8Array[], most: number): void {
  let inflated = 0;
  const inflator = new Unzlib((piece) => {
    inflated += piece.length;
  });
  try {
    for (const chunk of pixels) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        inflator.push(chunk.slice(at, at + PIECE), false);
        if (inflated > most) throw new ImageInputError('the PNG holds more than the pixels of its size');
      }
    }
  } catch (error) {
    if (error instanceof ImageInputError) throw error;
    throw new ImageInputError("the PNG's pixels can't be inflated");
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
