/** The arrays of a large run: out of the bucket once they are packed, before that made while they are sent. */
import type { ImageShape } from '../../core/index.ts';
import type { WrittenBatches } from '../../durable/job/batch-table.ts';
import type { JobRecord, JobState } from '../../durable/job/job-record.ts';
import { encodePng, npzKey, pixelsKey } from '../../durable/outputs.ts';
import { runArchive } from '../../durable/run-archive.ts';
import { batchCount, batchOf, isLarge, type SampleSpec } from '../../durable/spec.ts';
import { streamSegments } from '../../files/segments.ts';
import { Problem } from '../problem.ts';
import type { Download } from './download.ts';

/** Objects that one answer reads: an invocation has 10,000 subrequests. */
const MAX_READS = 9_000;

/** Whether the arrays of a sample that succeeded can be sent now. */
export function canSend({ spec, packing }: JobState): boolean {
  return !isLarge(spec) || packing?.state === 'done' || batchCount(spec) <= MAX_READS;
}

/**
 * Uint8 [N, H, W, C] and int64 labels; the same bytes whether they are packed already or not.
 *
 * @param written its batches
 * @param ready those images that are written by now, with `indices`, instead of all of a sample that succeeded
 * @throws {Problem} not-ready
 */
export async function runNpz(
  bucket: R2Bucket,
  record: JobRecord,
  shape: ImageShape,
  written: WrittenBatches,
  ready: boolean,
): Promise<Download> {
  const { spec } = record;
  const packed = !ready && record.packing?.state === 'done';
  if (!packed && written.indices.length > MAX_READS) {
    const detail = `the arrays of ${written.indices.length} batches are too many to send before they are packed; ask again in a while, or read the images by the page`;
    throw new Problem('not-ready', detail);
  }
  if (written.indices.length === 0) throw new Problem('not-ready', 'no image is written yet');
  const { segments, size, count, digest } = await runArchive(bucket, spec, shape, written, ready);
  const { height, width, channels } = shape;
  return {
    etag: `"${digest.slice(0, 32)}"`,
    lastModified: new Date(record.batchEndedAt ?? record.createdAt),
    size,
    contentType: 'application/zip',
    filename: `samples_${count}x${height}x${width}x${channels}.npz`,
    inline: false,
    open: (offset, length) =>
      packed
        ? openPacked(bucket, spec, offset, length)
        : Promise.resolve(streamSegments(segments, offset, length)),
  };
}

async function openPacked(
  bucket: R2Bucket,
  { id }: SampleSpec,
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array>> {
  const object = await bucket.get(npzKey(id), { range: { offset, length } });
  if (object === null) throw new Problem('not-ready', 'it has just been deleted');
  return object.body;
}

/** One image of a large run as a PNG, cut out of its batch. @returns null if it is not written yet */
export async function runImage(
  bucket: R2Bucket,
  spec: SampleSpec,
  { height, width, channels }: ImageShape,
  image: number,
): Promise<Download | null> {
  if (image >= spec.count) return null;
  const length = height * width * channels;
  const batch = batchOf(spec, image);
  const range = { offset: (image - batch * spec.batchSize) * length, length };
  const object = await bucket.get(pixelsKey(spec.id, batch), { range });
  if (object === null) return null;
  const data = new Uint8Array(await object.arrayBuffer());
  const png = encodePng({ width, height, channels, data });
  return {
    // The same pixels give the same bytes, and those of a batch never change.
    etag: `"${object.etag}-${image}"`,
    lastModified: object.uploaded,
    size: png.length,
    contentType: 'image/png',
    filename: `${spec.id}-${image}.png`,
    inline: true,
    open: async (from, bytes) =>
      new Blob([png.slice(from, from + bytes) as Uint8Array<ArrayBuffer>]).stream(),
  };
}
