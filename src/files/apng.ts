/**
 * Animated PNG (PNG specification, third edition, sections 11.3.6 and 13), written while its pixels are made: neither a
 * frame nor the file is ever whole in memory. Of the libraries for it none is kept up, and none streams.
 */
import { crc32 } from './crc32.ts';
import { concat } from './segments.ts';

interface Size {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA; 8 bits each. */
  readonly channels: number;
}

export interface Animation extends Size {
  /** One after the other, over and over. */
  readonly frames: readonly AnimationFrame[];
}

export interface AnimationFrame {
  /** How long it is shown, ms, up to 65,535. */
  readonly delayMs: number;
  /** The whole frame from above: each piece is some whole rows, channels interleaved. */
  rows(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const COLOUR_TYPES: Readonly<Record<number, number>> = { 1: 0, 3: 2, 4: 6 };
const BIT_DEPTH = 8;
const FOREVER = 0;
/** A frame stays until the next, which replaces all of it. */
const DISPOSE_NONE = 0;
const BLEND_SOURCE = 0;
/** Noise gains nothing from PNG's filters, and enlarged pixels gain more without. */
const FILTER_NONE = 0;

/**
 * The file in pieces.
 *
 * @throws {RangeError} without a frame, for channels that PNG does not have, or rows that are not the frame's
 */
export async function* encodeApng(animation: Animation): AsyncGenerator<Uint8Array> {
  const { width, height, channels, frames } = animation;
  const colourType = COLOUR_TYPES[channels];
  if (colourType === undefined) throw new RangeError(`PNG has no pixels of ${channels} channels`);
  if (frames.length === 0) throw new RangeError('an animation needs at least one frame');
  yield concat([
    SIGNATURE,
    chunk('IHDR', uint32(width, height), Uint8Array.of(BIT_DEPTH, colourType, 0, 0, 0)),
    chunk('acTL', uint32(frames.length, FOREVER)),
  ]);
  let sequence = 0;
  for (const [index, frame] of frames.entries()) {
    yield frameControl(sequence++, animation, frame.delayMs);
    for await (const data of compressed(animation, frame)) {
      yield index === 0 ? chunk('IDAT', data) : chunk('fdAT', uint32(sequence++), data);
    }
  }
  yield chunk('IEND');
}

function frameControl(sequence: number, { width, height }: Animation, delayMs: number): Uint8Array {
  const delay = new DataView(new ArrayBuffer(4));
  delay.setUint16(0, delayMs);
  delay.setUint16(2, 1000);
  const place = uint32(sequence, width, height, 0, 0);
  return chunk('fcTL', place, new Uint8Array(delay.buffer), Uint8Array.of(DISPOSE_NONE, BLEND_SOURCE));
}

/** A frame's pixels as one zlib stream, in pieces as the platform's compressor makes them. */
async function* compressed(size: Size, frame: AnimationFrame): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new CompressionStream('deflate');
  const written = writeRows(writable.getWriter(), size, frame);
  written.catch(() => {}); // told below
  const reader = readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (value.length > 0) yield value;
    }
  } catch (error) {
    await written; // what broke the stream says more than the stream
    throw error;
  } finally {
    await reader.cancel().catch(() => {});
  }
  await written;
}

/** Each row behind the byte that names its filter. */
async function writeRows(
  writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
  { width, height, channels }: Size,
  frame: AnimationFrame,
): Promise<void> {
  const rowBytes = width * channels;
  try {
    let seen = 0;
    for await (const rows of frame.rows()) {
      const count = rows.length / rowBytes;
      if (!Number.isInteger(count) || seen + count > height) throw wrongRows(height, rowBytes);
      const filtered = new Uint8Array(count * (1 + rowBytes));
      for (let row = 0; row < count; row++) {
        filtered[row * (1 + rowBytes)] = FILTER_NONE;
        filtered.set(rows.subarray(row * rowBytes, (row + 1) * rowBytes), row * (1 + rowBytes) + 1);
      }
      seen += count;
      await writer.write(filtered);
    }
    if (seen !== height) throw wrongRows(height, rowBytes);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

function wrongRows(height: number, rowBytes: number): RangeError {
  return new RangeError(`a frame of ${height} rows of ${rowBytes} bytes got others`);
}

function chunk(type: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const checked = concat([new TextEncoder().encode(type), ...parts]);
  return concat([uint32(checked.length - type.length), checked, uint32(crc32(checked))]);
}

function uint32(...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [at, value] of values.entries()) view.setUint32(at * 4, value);
  return new Uint8Array(view.buffer);
}
