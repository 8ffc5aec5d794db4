/** Files that lie in the bucket. */
import { Problem } from '../problem.ts';
import type { Download } from './download.ts';

/** Requests with one of these may not want the whole file: then its size and ETag are asked for first. */
const MAY_WANT_LESS = ['Range', 'If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'];

/** @returns null if nothing lies there */
export async function storedFile(
  bucket: R2Bucket,
  key: string,
  request: Request,
  filename: string,
): Promise<Download | null> {
  const whole = request.method === 'GET' && !MAY_WANT_LESS.some((name) => request.headers.has(name));
  const object = await (whole ? bucket.get(key) : bucket.head(key));
  if (object === null) return null;
  return {
    etag: object.httpEtag,
    lastModified: object.uploaded,
    size: object.size,
    contentType: object.httpMetadata?.contentType ?? 'application/octet-stream',
    filename,
    inline: true,
    open: async (offset, length) => {
      if ('body' in object) return (object as R2ObjectBody).body;
      const part = await bucket.get(key, { range: { offset, length }, onlyIf: { etagMatches: object.etag } });
      if (part === null || !('body' in part)) throw new Problem('not-ready', 'it has just been deleted');
      return part.body;
    },
  };
}
