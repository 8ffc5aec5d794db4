/** A whole sample as NumPy arrays. */

import type { ImageShape } from '../../core/index.ts';
import type { JobRecord } from '../../durable/job/job-record.ts';
import { decodePng, imageKey, imagesPrefix, pixelCrc32 } from '../../durable/outputs.ts';
import { batchOf } from '../../durable/spec.ts';
import { crc32 } from '../../files/crc32.ts';
import { bytesOf, npyHeader } from '../../files/npy.ts';
import { npzSegments } from '../../files/npz.ts';
import { type Segment, segmentOf, sizeOf, streamSegments } from '../../files/segments.ts';
import { Problem } from '../problem.ts';
import { labelOf } from '../render.ts';
import type { Download } from './download.ts';

/**
 * Uint8 [N, H, W, C] and int64 labels, as the reference's sampling scripts write and name it.
 *
 * @param ready the images that are written by now, with `indices`, instead of all of a sample that succeeded
 * @throws {Problem} not-ready
 */
export async function imagesNpz(
  bucket: R2Bucket,
  record: JobRecord,
  { height, width, channels }: ImageShape,
  ready: boolean,
): Promise<Download> {
  const { spec } = record;
  const indices = Array.from({ length: spec.count }, (_, index) => index).filter(
    (index) => !ready || record.batches[batchOf(spec, index)]?.phase === 'succeeded',
  );
  if (indices.length === 0) throw new Problem('not-ready', 'no image is written yet');
  const stored = await pixelCrcs(bucket, spec.id);
  const pieces = await Promise.all(
    indices.map(async (index) => {
      const key = imageKey(spec.id, index);
      const read = () => pixelsOf(bucket, key);
      const known = stored.get(key) ?? null;
      return { size: height * width * channels, read, crc32: known ?? crc32(await read()) };
    }),
  );
  const labels = indices.map((index) => labelOf(record, index));
  const withLabels = labels.every((label) => label !== null) ? labels : null;
  const segments = npzSegments(
    { height, width, channels, count: indices.length, pieces },
    withLabels,
    ready ? indices : null,
  );
  const shape = [indices.length, height, width, channels].join('x');
  const crcs = pieces.map((image) => image.crc32);
  const content = JSON.stringify([shape, crcs, withLabels, ...(ready ? [indices] : [])]);
  return fileOf(record, segments, {
    etag: await digestTag(`npz ${content}`),
    contentType: 'application/zip',
    filename: `samples_${shape}.npz`,
  });
}

/**
 * Float32 [N, C, H, W], or [C, H, W] of one image: the final tensors in the order of the images.
 *
 * @param tensorOf final x of an image
 */
export async function tensorsNpy(
  record: JobRecord,
  { channels, height, width }: ImageShape,
  tensorOf: (image: number) => Promise<Float32Array | null>,
  image: number | null,
): Promise<Download> {
  const { spec } = record;
  const shape = [channels, height, width];
  const read = async (index: number) => {
    const tensor = await tensorOf(index);
    if (tensor === null) throw new Problem('not-ready', `the final tensor of image ${index} is gone`);
    return bytesOf(tensor);
  };
  const indices = image === null ? Array.from({ length: spec.count }, (_, index) => index) : [image];
  const header = npyHeader('<f4', image === null ? [spec.count, ...shape] : shape);
  const size = channels * height * width * Float32Array.BYTES_PER_ELEMENT;
  const tensors = indices.map((index) => ({ size, read: () => read(index) }));
  return fileOf(record, [segmentOf(header), ...tensors], {
    // The tensors of a sample that succeeded never change.
    etag: await digestTag(`npy ${spec.id} ${record.life} ${image ?? 'all'}`),
    contentType: 'application/octet-stream',
    filename: image === null ? `${spec.id}.npy` : `${spec.id}-${image}.npy`,
  });
}

function fileOf(
  record: JobRecord,
  segments: readonly Segment[],
  rest: Pick<Download, 'etag' | 'contentType' | 'filename'>,
): Download {
  return {
    ...rest,
    size: sizeOf(segments),
    lastModified: new Date(record.finishedAt ?? record.createdAt),
    inline: false,
    open: async (offset, length) => streamSegments(segments, offset, length),
  };
}

/** CRC-32 of the pixels of every image, by key, as it was kept with them. */
async function pixelCrcs(bucket: R2Bucket, id: string): Promise<Map<string, number>> {
  const crcs = new Map<string, number>();
  let cursor: string | undefined;
  do {
    const page = await bucket.list({
      prefix: imagesPrefix(id),
      include: ['customMetadata'],
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { key, customMetadata } of page.objects) {
      const crc = pixelCrc32(customMetadata);
      if (crc !== null) crcs.set(key, crc);
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return crcs;
}

async function pixelsOf(bucket: R2Bucket, key: string): Promise<Uint8Array> {
  const object = await bucket.get(key);
  if (object === null) throw new Problem('not-ready', `${key} is missing from the bucket`);
  return decodePng(new Uint8Array(await object.arrayBuffer())).data;
}

async function digestTag(content: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(content)));
  return `"${Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
}
