/** Finished images: PNG bytes, where they lie in R2, and the contact sheet of a whole job. */
import { decode, encode } from 'fast-png';
import { crc32 } from '../files/crc32.ts';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA. */
  readonly channels: number;
  /** Row-major, channels interleaved, 0..255. */
  readonly data: Uint8Array;
}

/** Everything of a job lies below. */
export function jobPrefix(job: string): string {
  return `samples/${job}/`;
}

export function imagesPrefix(job: string): string {
  return `${jobPrefix(job)}images/`;
}

export function imageKey(job: string, image: number): string {
  return `${imagesPrefix(job)}${image}.png`;
}

/** Of a large run: the pixels of a batch, uint8 `[N, H, W, C]`. */
export function pixelsKey(job: string, batch: number): string {
  return `${jobPrefix(job)}batches/${batch}.u8`;
}

/** Of a large run: all its images and labels, packed once it has succeeded. */
export function npzKey(job: string): string {
  return `${jobPrefix(job)}samples.npz`;
}

export function gridKey(job: string): string {
  return `${jobPrefix(job)}grid.png`;
}

/** Kept with an image in R2: an archive of many can say its own CRC before it reads the first. */
export function pixelMetadata(pixels: Uint8Array): Record<string, string> {
  return { crc32: String(crc32(pixels)) };
}

/** @returns null for an image that was stored without it */
export function pixelCrc32(metadata: Readonly<Record<string, string>> | undefined): number | null {
  return metadata?.crc32 === undefined ? null : Number(metadata.crc32);
}

/** Of every image, or of one. */
export function animationKey(job: string, what: 'x_t' | 'x_start', image: number | null): string {
  return `${jobPrefix(job)}animations/${what}-${image ?? 'all'}.png`;
}

/** An image that a job was given. */
export function inputKey(job: string): string {
  return `${jobPrefix(job)}input.png`;
}

/** The same pixels give the same bytes. */
export function encodePng(pixels: Pixels): Uint8Array {
  const { width, height, channels, data } = pixels;
  return encode({ width, height, channels, depth: 8, data });
}

export function decodePng(bytes: Uint8Array): Pixels {
  const { width, height, channels, data } = decode(bytes);
  return { width, height, channels, data: Uint8Array.from(data) };
}

/** Pixels between the tiles of a sheet, and around them. */
export const GAP = 2;
/** Small images are shown in whole multiples, so that a tile of the sheet is at least this wide. */
const MIN_TILE = 64;
const MAX_COLUMNS = 16;

/** Images per row: a row per round of the classes if those fit, else near a square. */
export function gridColumns(count: number, classes: number): number {
  if (classes > 1 && classes <= MAX_COLUMNS) return Math.min(classes, count);
  return Math.min(MAX_COLUMNS, Math.ceil(Math.sqrt(count)));
}

/** Pixels of the sheet that {@link composeGrid} makes of as many images of a size. */
export function gridSize(
  count: number,
  columns: number,
  image: Pick<Pixels, 'width' | 'height'>,
): Pick<Pixels, 'width' | 'height'> {
  const scale = Math.max(1, Math.ceil(MIN_TILE / image.width));
  const side = (tiles: number, pixels: number) => tiles * (pixels * scale + GAP) + GAP;
  return { width: side(columns, image.width), height: side(Math.ceil(count / columns), image.height) };
}

/** Contact sheet on white, row by row; tiles are enlarged by whole factors without smoothing. */
export function composeGrid(images: readonly Pixels[], columns: number): Pixels {
  const [first] = images;
  if (first === undefined) throw new RangeError('a grid needs at least one image');
  const { channels } = first;
  const scale = Math.max(1, Math.ceil(MIN_TILE / first.width));
  const tileWidth = first.width * scale;
  const tileHeight = first.height * scale;
  const { width, height } = gridSize(images.length, columns, first);
  const data = new Uint8Array(width * height * channels).fill(255);
  images.forEach((image, i) => {
    const left = GAP + (i % columns) * (tileWidth + GAP);
    const top = GAP + Math.floor(i / columns) * (tileHeight + GAP);
    for (let y = 0; y < tileHeight; y++) {
      for (let x = 0; x < tileWidth; x++) {
        const from = (Math.floor(y / scale) * image.width + Math.floor(x / scale)) * channels;
        const to = ((top + y) * width + left + x) * channels;
        for (let c = 0; c < channels; c++) data[to + c] = image.data[from + c]!;
      }
    }
  });
  return { width, height, channels, data };
}
