/** Where images come from: an .npz file as the reference writes it, or a folder of PNGs. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { NpzFile } from './npz-file.ts';

export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface ImageSource extends AsyncDisposable {
  readonly count: number;
  readonly shape: ImageShape;
  /** Class of each image, if the source says. */
  readonly labels: Int32Array | null;
  /** `[n, H, W, C]`, 0 to 255, in order, up to `size` images at a time. */
  batches(size: number): AsyncGenerator<Uint8Array>;
}

/** @throws {Error} if there are no images, or they are not of one size */
export async function openImages(path: string): Promise<ImageSource> {
  return (await stat(path)).isDirectory() ? openFolder(path) : openNpzImages(await NpzFile.open(path), path);
}

/**
 * `arr_0` uint8 `[N, H, W, C]` and, if there, `arr_1` labels `[N]`.
 *
 * @param file closed with the source
 */
export async function openNpzImages(file: NpzFile, path: string): Promise<ImageSource> {
  const header = await file.header('arr_0');
  const [count, height, width, channels, ...more] = header.shape;
  if (header.dtype !== 'uint8' || channels === undefined || more.length > 0) {
    const found = `${header.dtype} [${header.shape.join(', ')}]`;
    throw new Error(`${path}, array "arr_0" is ${found}, expected images: uint8 [N, H, W, C]`);
  }
  const labels = file.has('arr_1') ? Int32Array.from((await file.array('arr_1')).data) : null;
  if (labels !== null && labels.length !== count) {
    throw new Error(`${path} has ${count} images and ${labels.length} labels`);
  }
  return {
    count: count!,
    shape: { height: height!, width: width!, channels },
    labels,
    async *batches(size) {
      const { pieces } = await file.rows('arr_0', size);
      for await (const piece of pieces) yield piece as Uint8Array;
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** PNGs in the order of their names, numbers in them by value. Labels are the `class-N` in a name, if all have one. */
async function openFolder(folder: string): Promise<ImageSource> {
  const names = (await readdir(folder))
    .filter((name) => /\.png$/i.test(name))
    .sort(new Intl.Collator('en', { numeric: true }).compare);
  const [first] = names;
  if (first === undefined) throw new Error(`${folder} has no .png files`);
  const { data: _, ...shape } = await readPng(join(folder, first));
  return {
    count: names.length,
    shape,
    labels: labelsOf(names),
    async *batches(size) {
      for (let from = 0; from < names.length; from += size) {
        const batch = names.slice(from, from + size);
        const pixels = await Promise.all(batch.map((name) => readAlike(join(folder, name), shape)));
        const all = new Uint8Array(batch.length * pixels[0]!.length);
        pixels.forEach((one, i) => {
          all.set(one, i * one.length);
        });
        yield all;
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function readAlike(path: string, expected: ImageShape): Promise<Uint8Array> {
  const { data, ...shape } = await readPng(path);
  const describe = ({ height, width, channels }: ImageShape) =>
    `${width}x${height} with ${channels} channels`;
  if (describe(shape) !== describe(expected)) {
    throw new Error(`${path} is ${describe(shape)}, the images before it are ${describe(expected)}`);
  }
  return data;
}

async function readPng(path: string): Promise<ImageShape & { readonly data: Uint8Array }> {
  try {
    const { width, height, channels, depth, data } = decode(await readFile(path));
    if (depth !== 8) throw new Error(`${depth} bits per channel, expected 8`);
    return { width, height, channels, data: Uint8Array.from(data) };
  } catch (error) {
    throw new Error(`${path} is not a PNG that can be used: ${(error as Error).message}`, { cause: error });
  }
}

function labelsOf(names: readonly string[]): Int32Array | null {
  const labels = names.map((name) => /class-(\d+)/.exec(name)?.[1]);
  return labels.every((label) => label !== undefined) ? Int32Array.from(labels, Number) : null;
}
