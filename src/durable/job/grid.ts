/** The contact sheet of a job, from the images that its batches have written. */
import { composeGrid, decodePng, encodePng, gridColumns, gridKey, imageKey } from '../outputs.ts';
import type { SampleSpec } from '../spec.ts';

/** Writing it again writes the same bytes. @throws {Error} if an image is missing, and whatever the bucket throws */
export async function writeGrid(bucket: R2Bucket, spec: SampleSpec): Promise<void> {
  const images = [];
  for (let image = 0; image < spec.count; image++) {
    const object = await bucket.get(imageKey(spec.id, image));
    if (object === null) throw new Error(`image ${image} is missing from the bucket`);
    images.push(decodePng(new Uint8Array(await object.arrayBuffer())));
  }
  const png = encodePng(composeGrid(images, gridColumns(spec.count, rowOf(spec))));
  await bucket.put(gridKey(spec.id), png, { httpMetadata: { contentType: 'image/png' } });
}

/** Images of a round of the classes, which is a row if it fits. */
function rowOf({ classes }: SampleSpec): number {
  if (classes === null || !('type' in classes)) return classes?.length ?? 1;
  return classes.type === 'counts' ? classes.counts.length : 1;
}
