/** SHA-256 of buffers that come one after another, in this thread or beside it. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface Digest extends AsyncDisposable {
  /** Resolves when the bytes may be overwritten. */
  update(bytes: Uint8Array<SharedArrayBuffer>): Promise<void>;
  /** @returns lower-case hexadecimal digits */
  finish(): Promise<string>;
}

export function digestHere(): Digest {
  const hash = createHash('sha256');
  return {
    update: async (bytes) => void hash.update(bytes),
    finish: async () => hash.digest('hex'),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** What the worker is sent: bytes to add, or `null` for the end. It answers each with an acknowledgement, then the digest. */
export type DigestRequest = Uint8Array<SharedArrayBuffer> | null;

/** In a thread of its own, for gigabytes: the arithmetic takes longer than reading and writing them. */
export function digestBeside(): Digest {
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url));
  const ask = async (request: DigestRequest): Promise<unknown> => {
    const answer = once(worker, 'message');
    worker.postMessage(request);
    return (await answer)[0];
  };
  // One question at a time, so that answers belong to their questions.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(action: () => Promise<T>): Promise<T> => {
    const turn = last.then(action);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    update: (bytes) => inTurn(async () => void (await ask(bytes))),
    finish: () => inTurn(async () => (await ask(null)) as string),
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}
