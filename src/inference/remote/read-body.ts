/** Thrown when a body is larger than any valid answer. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
}

/**
 * Reads a whole body, but never more than `limit` bytes; what is left beyond that is cancelled, because an unread body
 * keeps one of the platform's few connections.
 *
 * @throws {BodyTooLargeError} past the limit
 */
export async function readBody(response: Response, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const declared = Number(response.headers.get('content-length') ?? 0);
  if (declared > limit) {
    await response.body?.cancel();
    throw new BodyTooLargeError(`the body has ${declared} bytes, expected at most ${limit}`);
  }
  if (response.body === null) return new Uint8Array(0);
  // The platform's streams come to JavaScript in chunks of 4 KB, each a turn of the event loop: where HTTP itself holds
  // the body to its length, take it in one piece. A compressed body may grow past its length.
  if (declared > 0 && !response.headers.has('content-encoding')) {
    return new Uint8Array(await response.arrayBuffer());
  }

  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > limit) throw new BodyTooLargeError(`the body has more than the expected ${limit} bytes`);
    chunks.push(chunk);
  }
  return concat(chunks, size);
}

/** The first `limit` bytes of a body as text, for messages; the rest is cancelled. */
export async function readExcerpt(response: Response, limit: number): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= limit) break;
  }
  return new TextDecoder().decode(concat(chunks, size).subarray(0, limit));
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}
