/** A large run as one .npz, made from the pixels that its batches have left in the bucket, a batch at a time. */
import type { ImageShape } from '../core/index.ts';
import { npzSegments } from '../files/npz.ts';
import { type Segment, sizeOf } from '../files/segments.ts';
import { hex } from './batch/receipt.ts';
import type { WrittenBatches } from './job/batch-table.ts';
import { pixelsKey } from './outputs.ts';
import { batchAt, classOf, type SampleSpec, targetOf } from './spec.ts';

export interface RunArchive {
  readonly segments: readonly Segment[];
  /** Bytes. */
  readonly size: number;
  /** Images in it. */
  readonly count: number;
  /** Names the bytes: the same for the same images. */
  readonly digest: string;
}

/**
 * @param written its batches that are to be in it
 * @param named adds `indices.npy`, int64: which images of the run these are
 * @throws {RangeError} if nothing is written
 */
export async function runArchive(
  bucket: R2Bucket,
  spec: SampleSpec,
  { height, width, channels }: ImageShape,
  { indices, crc32 }: WrittenBatches,
  named = false,
): Promise<RunArchive> {
  if (indices.length === 0) throw new RangeError('no image is written yet');
  const pieces = Array.from(indices, (index, i) => {
    const size = batchAt(spec, index).size * height * width * channels;
    return { size, crc32: crc32[i]!, read: () => readPixels(bucket, spec.id, index) };
  });
  const images = Array.from(indices).flatMap((index) => {
    const { first, size } = batchAt(spec, index);
    return Array.from({ length: size }, (_, i) => first + i);
  });
  const labels = images.map((image) => targetOf(spec.classes, image, spec.seed));
  const known = labels.flatMap((label) => (label === null ? [] : [classOf(label)]));
  const withLabels = known.length === images.length ? known : null;
  const segments = npzSegments(
    { height, width, channels, count: images.length, pieces },
    withLabels,
    named ? images : null,
  );
  const content = [spec.id, height, width, channels, withLabels, named ? images : null].join(' ');
  const bytes = new Uint8Array([
    ...new TextEncoder().encode(content),
    ...new Uint8Array(crc32.slice().buffer),
  ]);
  const digest = hex(await crypto.subtle.digest('SHA-256', bytes));
  return { segments, size: sizeOf(segments), count: images.length, digest };
}

async function readPixels(bucket: R2Bucket, job: string, batch: number): Promise<Uint8Array> {
  const key = pixelsKey(job, batch);
  const object = await bucket.get(key);
  if (object === null) throw new Error(`${key} is missing from the bucket`);
  return new Uint8Array(await object.arrayBuffer());
}
