/** From a finished batch to its images in R2. Writing them again writes the same bytes. */
import { toNHWC, toUint8 } from '../../core/index.ts';
import { crc32 } from '../../files/crc32.ts';
import type { ModelManifest } from '../../models/manifest.ts';
import { encodePng, imageKey, pixelMetadata, pixelsKey } from '../outputs.ts';
import { type BatchSpec, isLarge } from '../spec.ts';

/**
 * Each image as a PNG; of a large run the pixels of the whole batch in one object, uint8 `[N, H, W, C]`.
 *
 * @param x x_0, `[N, C, H, W]` in [-1, 1]
 * @returns CRC-32 of the pixels of a batch of a large run; null for PNGs, which have their own with them
 */
export async function writeImages(
  bucket: R2Bucket,
  spec: BatchSpec,
  { image }: ModelManifest,
  x: Float32Array,
): Promise<number | null> {
  const { channels, height, width } = image;
  const pixels = toNHWC(toUint8(x), image);
  if (isLarge(spec.job)) {
    await bucket.put(pixelsKey(spec.job.id, spec.index), pixels);
    return crc32(pixels);
  }
  const bytes = channels * height * width;
  for (let i = 0; i < spec.size; i++) {
    const data = pixels.subarray(i * bytes, (i + 1) * bytes);
    const png = encodePng({ width, height, channels, data });
    await bucket.put(imageKey(spec.job.id, spec.first + i), png, {
      httpMetadata: { contentType: 'image/png' },
      customMetadata: pixelMetadata(data),
    });
  }
  return null;
}

/** Everything that {@link writeImages} may have written of a batch. */
export function keysOf({ job, index, first, size }: BatchSpec): string[] {
  if (isLarge(job)) return [pixelsKey(job.id, index)];
  return Array.from({ length: size }, (_, i) => imageKey(job.id, first + i));
}
