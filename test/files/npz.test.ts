import { readFileSync } from 'node:fs';
import { Reader, Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { describe, expect, it } from 'vitest';
import { crc32 } from '../../src/files/crc32.ts';
import { npzSegments } from '../../src/files/npz.ts';
import { type Segment, sizeOf, streamSegments } from '../../src/files/segments.ts';
import { Npz } from '../../src/verify/npz.ts';

/** What NumPy wrote of the same arrays; see make.py beside the files. */
function byNumpy(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../fixtures/npz/${name}.npz`, import.meta.url)));
}

function arrayOf(pieces: readonly (Segment & { crc32: number })[], shape = SHAPE) {
  return { ...shape, count: pieces.length, pieces };
}

function imagesOf(bytes: Uint8Array, size: number) {
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const image = bytes.subarray(i * size, (i + 1) * size);
    return { size, read: () => image, crc32: crc32(image) };
  });
}

const PIXELS = Uint8Array.from({ length: 3 * 2 * 4 * 3 }, (_, i) => (i * 7) % 256);
const SHAPE = { height: 2, width: 4, channels: 3 };
const labelled = () => npzSegments(arrayOf(imagesOf(PIXELS, 24)), [3, 1, 4]);

async function bytesOf(
  segments: readonly Segment[],
  offset = 0,
  length = sizeOf(segments),
): Promise<Uint8Array> {
  return new Uint8Array(await new Response(streamSegments(segments, offset, length)).arrayBuffer());
}

describe('an archive of images', () => {
  it('is byte for byte what np.savez(path, images, labels) writes', async () => {
    expect(Buffer.from(await bytesOf(labelled()))).toEqual(Buffer.from(byNumpy('labelled')));
  });

  it('has no arr_1 when the images have no class, as np.savez(path, images) has none', async () => {
    const grey = PIXELS.filter((_, i) => i % 3 === 0).subarray(0, 8);
    const segments = npzSegments(arrayOf(imagesOf(grey, 8), { height: 2, width: 4, channels: 1 }), null);
    expect(Buffer.from(await bytesOf(segments))).toEqual(Buffer.from(byNumpy('unlabelled')));
  });

  it('opens with a zip reader that checks every CRC', async () => {
    const zip = new ZipReader(new Uint8ArrayReader(await bytesOf(labelled())));
    const entries = await zip.getEntries({ checkSignature: true } as object);
    expect(entries.map(({ filename }) => filename)).toEqual(['arr_0.npy', 'arr_1.npy']);
    for (const entry of entries) {
      if (entry.directory) throw new Error('a folder');
      const npy = await entry.getData(new Uint8ArrayWriter(), { checkSignature: true });
      expect([...npy.subarray(0, 8)]).toEqual([0x93, ...Buffer.from('NUMPY'), 1, 0]);
      expect(npy[9]! * 256 + npy[8]! + 10).toBe(128); // values begin at a multiple of 64
    }
  });

  it('reads as uint8 [N, H, W, C] and int64 [N]', async () => {
    const npz = new Npz(await bytesOf(labelled()), 'the archive');
    expect(npz.array('arr_0')).toEqual({ dtype: 'uint8', shape: [3, 2, 4, 3], data: PIXELS });
    expect(npz.array('arr_1')).toMatchObject({ dtype: 'int64', shape: [3] });
    expect(npz.numbers('arr_1')).toEqual([3, 1, 4]);
  });

  it('gives every part of itself without making the others', async () => {
    const whole = byNumpy('labelled');
    for (let offset = 0; offset < whole.length; offset += 7) {
      for (const length of [1, 2, 30, whole.length - offset]) {
        const made: number[] = [];
        const images = imagesOf(PIXELS, 24).map((image, i) => ({
          ...image,
          read: () => {
            made.push(i);
            return image.read();
          },
        }));
        const part = await bytesOf(npzSegments(arrayOf(images), [3, 1, 4]), offset, length);
        const end = Math.min(offset + length, whole.length);
        expect(Buffer.from(part)).toEqual(Buffer.from(whole.subarray(offset, end)));
        const touched = [0, 1, 2].filter((i) => offset < 187 + i * 24 + 24 && end > 187 + i * 24);
        expect(made).toEqual(touched);
      }
    }
  });

  it('holds a few images at a time, however slowly it is read', async () => {
    let made = 0;
    const image = PIXELS.subarray(0, 24);
    const images = Array.from({ length: 100 }, () => ({
      size: 24,
      crc32: crc32(image),
      read: () => {
        made++;
        return image;
      },
    }));
    const segments = npzSegments(arrayOf(images), null);
    const reader = streamSegments(segments, 0, sizeOf(segments)).getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(made).toBeLessThan(10);
    await reader.cancel();
  });

  it('breaks off when an image has another size than it said', async () => {
    const images = imagesOf(PIXELS, 24).map((image) => ({ ...image, read: () => PIXELS }));
    await expect(bytesOf(npzSegments(arrayOf(images), null))).rejects.toThrow('has 72 bytes, expected 24');
  });

  it('of more than 4 GiB moves what is too large into ZIP64 fields', async () => {
    const piece = new Uint8Array(64 * 1024 * 1024);
    const one = { size: piece.length, crc32: crc32(piece), read: () => piece };
    const segments = npzSegments(
      { height: 1024, width: 1024, channels: 1, count: 72 * 64, pieces: Array(72).fill(one) },
      Array.from({ length: 72 * 64 }, (_, i) => i % 10),
    );
    const size = sizeOf(segments);
    expect(size).toBeGreaterThan(4.5 * 2 ** 30);
    class Virtual extends Reader<null> {
      override size = size;
      override readUint8Array(offset: number, length: number) {
        return bytesOf(segments, offset, length);
      }
    }
    const [images, labels] = await new ZipReader(new Virtual(null)).getEntries();
    expect([images!.uncompressedSize, images!.zip64, labels!.zip64]).toEqual([
      72 * 2 ** 26 + 128,
      true,
      true,
    ]);
    if (labels!.directory) throw new Error('a folder');
    const npy = await labels!.getData(new Uint8ArrayWriter(), { checkSignature: true });
    expect(new BigInt64Array(npy.buffer.slice(128 + npy.byteOffset)).slice(0, 3)).toEqual(
      new BigInt64Array([0n, 1n, 2n]),
    );
  });
});
