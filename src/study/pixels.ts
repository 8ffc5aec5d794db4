/** How far the pixels of two cells are apart, image by image of the same seed. */
import { NpzFile } from '../evaluate/npz-file.ts';
import type { Part } from './draw.ts';

export interface PixelDifference {
  /** Images compared. */
  readonly images: number;
  /** Mean over all pixels, in levels of 255. */
  readonly mean: number;
  /** The largest of all pixels, in levels of 255. */
  readonly largest: number;
  /** Share of the images that are the same byte for byte. */
  readonly identical: number;
  /** Share of the images in which some pixel is off by more than {@link VISIBLE} levels. */
  readonly visible: number;
}

/** A quarter of the range: what was grey is black or white. */
export const VISIBLE = 64;

/** Pixels of a cell's first images, `[count, H, W, C]`. */
export async function pixelsOf(parts: readonly Part[], count: number): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let bytes = 0;
  let images = 0;
  for (const { path, count: own } of parts) {
    await using file = await NpzFile.open(path);
    const { data } = await file.array('arr_0');
    all.push(data as Uint8Array);
    images += own;
    bytes += data.length;
  }
  return Buffer.concat(all).subarray(0, (bytes / images) * Math.min(count, images));
}

/** @param images how many the two hold each */
export function differenceOf(a: Uint8Array, b: Uint8Array, images: number): PixelDifference {
  const pixels = a.length / images;
  let [sum, largest, identical, visible] = [0, 0, 0, 0];
  for (let image = 0; image < images; image++) {
    let most = 0;
    for (let i = image * pixels; i < (image + 1) * pixels; i++) {
      const difference = Math.abs(a[i]! - b[i]!);
      sum += difference;
      if (difference > most) most = difference;
    }
    largest = Math.max(largest, most);
    if (most === 0) identical++;
    if (most > VISIBLE) visible++;
  }
  return { images, mean: sum / a.length, largest, identical: identical / images, visible: visible / images };
}
