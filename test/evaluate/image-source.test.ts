import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { openImages } from '../../src/evaluate/image-source.ts';
import { npyBytes, npzBytes } from '../verify/write-npz.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-images-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** `[n, 2, 3, 1]` whose bytes count up. */
function pixels(n: number): Uint8Array {
  return Uint8Array.from({ length: n * 6 }, (_, i) => i % 251);
}

async function all(path: string, size: number): Promise<Uint8Array[]> {
  await using source = await openImages(path);
  const pieces: Uint8Array[] = [];
  for await (const piece of source.batches(size)) pieces.push(piece);
  return pieces;
}

async function npz(name: string, arrays: Parameters<typeof npzBytes>[0]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, npzBytes(arrays));
  return path;
}

describe('an .npz as the reference writes it', () => {
  it('is read in pieces of any size, in order, with its labels', async () => {
    const data = pixels(7);
    const path = await npz('a.npz', {
      arr_0: { shape: [7, 2, 3, 1], data },
      arr_1: { shape: [7], data: Int32Array.of(3, 1, 4, 1, 5, 9, 2) },
    });
    await using source = await openImages(path);
    expect(source).toMatchObject({ count: 7, shape: { height: 2, width: 3, channels: 1 } });
    expect([...source.labels!]).toEqual([3, 1, 4, 1, 5, 9, 2]);
    for (const size of [1, 3, 7, 100]) {
      const pieces = await all(path, size);
      expect(pieces.length).toBe(Math.ceil(7 / size));
      expect(Buffer.concat(pieces)).toEqual(Buffer.from(data));
    }
  });

  it('may be compressed, and longer than what is read at a time', async () => {
    const data = pixels(50_000);
    const path = join(folder, 'compressed.npz');
    await writeFile(path, zipSync({ 'arr_0.npy': npyBytes('|u1', [50_000, 2, 3, 1], data) }, { level: 6 }));
    expect(Buffer.concat(await all(path, 999)).equals(data)).toBe(true);
  });

  it('is refused with what was found when it holds something else', async () => {
    const floats = await npz('f.npz', { arr_0: { shape: [1, 2], data: Float32Array.of(1, 2) } });
    await expect(openImages(floats)).rejects.toThrow(
      'is float32 [1, 2], expected images: uint8 [N, H, W, C]',
    );
    const labels = await npz('l.npz', {
      arr_0: { shape: [2, 2, 3, 1], data: pixels(2) },
      arr_1: { shape: [1], data: Int32Array.of(3) },
    });
    await expect(openImages(labels)).rejects.toThrow('2 images and 1 labels');
    await writeFile(join(folder, 'text.npz'), 'no zip');
    await expect(openImages(join(folder, 'text.npz'))).rejects.toThrow('is not an .npz file');
  });

  it('that is cut short says so', async () => {
    const path = join(folder, 'short.npz');
    await writeFile(path, zipSync({ 'arr_0.npy': npyBytes('|u1', [9, 2, 3, 1], pixels(3)) }));
    await expect(all(path, 4)).rejects.toThrow('array "arr_0" is cut short');
  });
});

describe('a folder of PNGs', () => {
  const png = (name: string, value: number, width = 3) =>
    writeFile(
      join(folder, name),
      encode({ width, height: 2, channels: 1, depth: 8, data: new Uint8Array(width * 2).fill(value) }),
    );

  it('is read in the order of the numbers in its names, and classes in them are labels', async () => {
    await png('image-10-class-4.png', 10);
    await png('image-9-class-2.png', 9);
    await writeFile(join(folder, 'notes.txt'), '');
    await using source = await openImages(folder);
    expect([...source.labels!]).toEqual([2, 4]);
    const [first, second] = await all(folder, 1);
    expect([first![0], second![0]]).toEqual([9, 10]);
  });

  it('names the file that does not fit, or is no PNG', async () => {
    await png('a.png', 1);
    await png('b.png', 1, 4);
    await expect(all(folder, 2)).rejects.toThrow(
      /b\.png is 4x2 with 1 channels, the images before it are 3x2/,
    );
    await writeFile(join(folder, 'a.png'), 'no picture');
    await expect(openImages(folder)).rejects.toThrow(/a\.png is not a PNG that can be used/);
  });
});

test('a folder without pictures is refused', async () => {
  await expect(openImages(folder)).rejects.toThrow('has no .png files');
});
