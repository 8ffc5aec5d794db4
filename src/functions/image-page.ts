/** The images of a sample by the page. */
import type { JobRecord } from '../durable/job/job-record.ts';
import { batchAt } from '../durable/spec.ts';
import { encodeImageCursor } from './cursor.ts';
import type { Links } from './links.ts';
import { imageEntry } from './render.ts';
import type { ImagePage } from './schemas/sample-response.ts';

export interface ImagePlace {
  /** Image that the page begins with, or after which it begins. */
  readonly first: number;
  /** Images of the page, at most. */
  readonly limit: number;
  /** Only those that are written. */
  readonly ready: boolean;
}

/** @param record with the batches of the page, and the one after it if there is one */
export async function imagePageOf(
  record: JobRecord,
  { first, limit }: ImagePlace,
  links: Links,
): Promise<ImagePage> {
  const { spec, images } = record;
  const indices = record.batches.flatMap(({ index }) => {
    const batch = batchAt(spec, index);
    return Array.from({ length: batch.size }, (_, i) => batch.first + i).filter((image) => image >= first);
  });
  const shown = indices.slice(0, limit);
  const data = await Promise.all(shown.map((image) => imageEntry(record, image, links)));
  const next = indices[limit];
  const cursor = next === undefined ? null : encodeImageCursor(next);
  return { data, next_cursor: cursor, count: spec.count, ready: images };
}
