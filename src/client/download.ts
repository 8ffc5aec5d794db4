/** A large file as it comes, going on where a broken connection has left it. */
import type { CallOptions } from './options.ts';
import { backoff } from './retry.ts';
import { sleep } from './sleep.ts';
import type { Transport } from './transport.ts';

export interface StreamOptions extends CallOptions {
  /** Called with every piece: bytes so far, and in all (null if the API does not say). */
  readonly onProgress?: (received: number, size: number | null) => void;
}

/** Connections in a row that brought nothing, before it is an error. */
const MAX_EMPTY_CONNECTIONS = 5;

/**
 * The pieces of a file, in order, never all of it at once.
 *
 * @throws {CairnError} if the API refuses
 * @throws {TypeError} if connections break again and again, or the file changes meanwhile
 */
export async function* streamFile(
  transport: Transport,
  url: string,
  { signal, onProgress }: StreamOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  let size: number | null = null;
  let etag: string | null = null;
  for (let empty = 0; ; ) {
    const range: Record<string, string> =
      etag === null ? {} : { Range: `bytes=${received}-`, 'If-Range': etag };
    const response = await transport.fetch(url, { headers: range, ...(signal !== undefined && { signal }) });
    if (received > 0 && response.status !== 206) throw new TypeError(`${url} has changed while it was read`);
    if (received === 0) {
      etag = response.headers.get('ETag');
      size = lengthOf(response);
    }
    try {
      for await (const piece of piecesOf(response)) {
        received += piece.length;
        empty = 0;
        onProgress?.(received, size);
        yield piece;
      }
      if (size === null || received >= size) return;
      empty++;
    } catch (error) {
      if (signal?.aborted || !(error instanceof TypeError) || etag === null) throw error;
      if (++empty > MAX_EMPTY_CONNECTIONS) throw error;
    }
    if (empty > MAX_EMPTY_CONNECTIONS) throw new TypeError(`${url} breaks off again and again`);
    await sleep(backoff(Math.max(1, empty)), signal);
  }
}

function lengthOf(response: Response): number | null {
  const length = response.headers.get('Content-Length');
  return length === null ? null : Number(length);
}

/** Leaving it early ends the connection. */
async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
