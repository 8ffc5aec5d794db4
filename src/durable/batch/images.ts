/** From a finished batch to PNGs in R2. Writing them again writes the same bytes. */
import { toNHWC, toUint8 } from '../../core/index.ts';
import type { ModelManifest } from '../../models/manifest.ts';
import { encodePng, imageKey, pixelMetadata } from '../outputs.ts';
import type { BatchSpec } from '../spec.ts';

/** @param x x_0, `[N, C, H, W]` in [-1, 1] */
export async function writeImages(
  bucket: R2Bucket,
  spec: BatchSpec,
  manifest: ModelManifest,
  x: Float32Array,
): Promise<void> {
  const { channels, height, width } = manifest.image;
  const pixels = toNHWC(toUint8(x), manifest.image);
  const bytes = channels * height * width;
  for (let i = 0; i < spec.size; i++) {
    const image = spec.first + i;
    const data = pixels.subarray(i * bytes, (i + 1) * bytes);
    const png = encodePng({ width, height, channels, data });
    await bucket.put(imageKey(spec.job.id, image), png, {
      httpMetadata: { contentType: 'image/png' },
      customMetadata: pixelMetadata(data),
    });
  }
}
