/**
 * Files that cost time to make and whose length nobody knows before: made when they are first asked for, they lie in the
 * bucket from then on, beside what they were made of, and go with it.
 */

/** Of a multipart upload all but the last have to be of one size, at least 5 MiB. */
const PART_BYTES = 5 * 1024 ** 2;

/**
 * Writes what the pieces are together, and never holds more than one part of it. Nothing is there before all is.
 *
 * @throws what the pieces throw
 */
export async function putPieces(
  bucket: R2Bucket,
  key: string,
  pieces: AsyncIterable<Uint8Array>,
  contentType: string,
  partBytes = PART_BYTES,
): Promise<void> {
  const httpMetadata = { contentType };
  const part = new Uint8Array(partBytes);
  let filled = 0;
  let upload: R2MultipartUpload | null = null;
  const uploaded: R2UploadedPart[] = [];
  const send = async () => {
    upload ??= await bucket.createMultipartUpload(key, { httpMetadata });
    uploaded.push(await upload.uploadPart(uploaded.length + 1, part.slice(0, filled)));
    filled = 0;
  };
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        if (filled === partBytes) await send();
        const taken = Math.min(piece.length - at, partBytes - filled);
        part.set(piece.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
      }
    }
    if (upload === null) {
      await bucket.put(key, part.subarray(0, filled), { httpMetadata });
      return;
    }
    await send();
    await (upload as R2MultipartUpload).complete(uploaded);
  } catch (error) {
    // What was uploaded would be paid for until the bucket gives it up by itself.
    await (upload as R2MultipartUpload | null)?.abort().catch(() => {});
    throw error;
  }
}
