/** Reads animated PNGs as strictly as the specification is written: what a lenient viewer forgives, a test does not. */
import { unzlibSync } from 'fflate';
import { crc32 } from '../../src/files/crc32.ts';
import { concat } from '../../src/files/segments.ts';

export interface ReadAnimation {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** 0: for ever. */
  readonly plays: number;
  readonly frames: readonly { readonly delayMs: number; readonly pixels: Uint8Array }[];
}

interface Chunk {
  readonly type: string;
  readonly data: DataView;
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 6: 4 };

/**
 * Animations whose frames cover the whole picture and replace what was there, in 8 bits, unfiltered.
 *
 * @throws {Error} for anything else, and for chunks that are damaged, missing, or out of order
 */
export function readApng(bytes: Uint8Array): ReadAnimation {
  const [header, control, ...rest] = chunksOf(bytes);
  if (header?.type !== 'IHDR' || control?.type !== 'acTL') throw new Error('expected IHDR, then acTL');
  const [width, height] = [header.data.getUint32(0), header.data.getUint32(4)];
  const channels = CHANNELS[header.data.getUint8(9)];
  const depthAndMethods = [8, 10, 11, 12].map((at) => header.data.getUint8(at));
  if (channels === undefined || String(depthAndMethods) !== '8,0,0,0') throw new Error('another kind of PNG');
  if (rest.pop()?.type !== 'IEND') throw new Error('expected IEND at the end');

  const frames: { delayMs: number; data: Uint8Array[] }[] = [];
  let sequence = 0;
  const inOrder = (chunk: Chunk) => {
    const number = chunk.data.getUint32(0);
    if (number !== sequence++) throw new Error(`${chunk.type} has the number ${number}, not ${sequence - 1}`);
  };
  for (const chunk of rest) {
    const { type, data } = chunk;
    if (type === 'fcTL') {
      inOrder(chunk);
      const place = [4, 8, 12, 16].map((at) => data.getUint32(at));
      if (String(place) !== `${width},${height},0,0`) throw new Error(`a frame lies at ${place}`);
      if (data.getUint16(24) !== 0) throw new Error('another way to dispose of a frame, or to blend it');
      frames.push({ delayMs: (data.getUint16(20) * 1000) / data.getUint16(22), data: [] });
    } else {
      const isFirst = frames.length === 1;
      if (type !== (isFirst ? 'IDAT' : 'fdAT')) throw new Error(`${type} in frame ${frames.length}`);
      if (!isFirst) inOrder(chunk);
      frames.at(-1)!.data.push(bytesOf(data, isFirst ? 0 : 4));
    }
  }
  if (frames.length !== control.data.getUint32(0)) throw new Error('acTL counts other frames');
  const plays = control.data.getUint32(4);
  const shape = { width, height, channels };
  return {
    ...shape,
    plays,
    frames: frames.map((frame) => ({ ...frame, pixels: pixelsOf(frame.data, shape) })),
  };
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getBigUint64(0) !== 0x89504e470d0a1a0an) throw new Error('no PNG');
  const chunks: Chunk[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = view.getUint32(at);
    const checked = bytes.subarray(at + 4, at + 8 + length);
    const type = new TextDecoder().decode(checked.subarray(0, 4));
    if (crc32(checked) !== view.getUint32(at + 8 + length)) throw new Error(`${type} is damaged`);
    chunks.push({ type, data: new DataView(bytes.buffer, bytes.byteOffset + at + 8, length) });
    at += 12 + length;
  }
  return chunks;
}

function pixelsOf(
  data: readonly Uint8Array[],
  { width, height, channels }: { width: number; height: number; channels: number },
): Uint8Array {
  const rows = unzlibSync(concat(data));
  const stride = 1 + width * channels;
  if (rows.length !== stride * height) throw new Error(`a frame has ${rows.length} bytes of rows`);
  const pixels = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    if (rows[row * stride] !== 0) throw new Error(`row ${row} is filtered`);
    pixels.set(rows.subarray(row * stride + 1, (row + 1) * stride), row * width * channels);
  }
  return pixels;
}

function bytesOf(data: DataView, from: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + from, data.byteLength - from);
}
