/** The contact sheet of a job, from the images that its batches have written: the first of them, if there are many. */
import type { ImageShape } from '../../core/index.ts';
import { findModel } from '../../models/registry.ts';
import {
  composeGrid,
  decodePng,
  encodePng,
  gridColumns,
  gridKey,
  imageKey,
  type Pixels,
  pixelsKey,
} from '../outputs.ts';
import { batchAt, batchOf, isLarge, LISTED_IMAGES, roundOf, type SampleSpec } from '../spec.ts';

/** Pixels of a large run that are put on its sheet, bytes: what makes it holds them twice. */
const MAX_BYTES = 24 * 1024 * 1024;

/** Writing it again writes the same bytes. @throws {Error} if an image is missing, and whatever the bucket throws */
export async function writeGrid(bucket: R2Bucket, spec: SampleSpec): Promise<void> {
  const images = await (isLarge(spec) ? firstOfRun(bucket, spec) : everyImage(bucket, spec));
  const png = encodePng(composeGrid(images, gridColumns(images.length, roundOf(spec))));
  await bucket.put(gridKey(spec.id), png, { httpMetadata: { contentType: 'image/png' } });
}

async function everyImage(bucket: R2Bucket, spec: SampleSpec): Promise<Pixels[]> {
  const images = [];
  for (let image = 0; image < spec.count; image++) {
    const object = await bucket.get(imageKey(spec.id, image));
    if (object === null) throw new Error(`image ${image} is missing from the bucket`);
    images.push(decodePng(new Uint8Array(await object.arrayBuffer())));
  }
  return images;
}

async function firstOfRun(bucket: R2Bucket, spec: SampleSpec): Promise<Pixels[]> {
  const shape = findModel(spec.model)?.image;
  if (shape === undefined) throw new Error(`this deployment has no model ${spec.model} any more`);
  const shown = Math.min(
    LISTED_IMAGES,
    Math.floor(MAX_BYTES / (shape.width * shape.height * shape.channels)),
  );
  const images = [];
  for (let index = 0; index <= batchOf(spec, shown - 1); index++) {
    const object = await bucket.get(pixelsKey(spec.id, index));
    if (object === null) throw new Error(`batch ${index} is missing from the bucket`);
    images.push(...cut(new Uint8Array(await object.arrayBuffer()), shape, batchAt(spec, index).size));
  }
  return images.slice(0, shown);
}

/** @param pixels uint8 `[N, H, W, C]` */
function cut(pixels: Uint8Array, { width, height, channels }: ImageShape, count: number): Pixels[] {
  const bytes = width * height * channels;
  return Array.from({ length: count }, (_, i) => ({
    ...{ width, height, channels },
    data: pixels.subarray(i * bytes, (i + 1) * bytes),
  }));
}
