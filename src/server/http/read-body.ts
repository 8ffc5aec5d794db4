/** A request's body, read from Node's own stream: one copy, and no more memory than has arrived. */
import type { IncomingMessage } from 'node:http';
import { HTTPException } from 'hono/http-exception';
import type { BufferPool } from './buffer-pool.ts';
import type { ByteBudget } from './byte-budget.ts';
import { GoneError, OverloadError } from './errors.ts';

export interface ReadOptions {
  /** Largest body in bytes. */
  readonly limit: number;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  /** Longest wait for the next byte, in milliseconds. */
  readonly stallMs: number;
  /** Bytes of the body before the tensors; these begin at a multiple of 8 in memory. */
  readonly headerLength: number;
}

export interface HeldBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the bytes back to the budget. */
  release(): void;
  /** As {@link release}, and their memory to the next body: nothing reads them any more. */
  recycle(): void;
}

/** A body of unknown length begins with room for this much. */
const FIRST_ROOM = 65_536;

/**
 * Reads a whole body. The memory of a declared length is asked for at once, but the system gives pages only for bytes
 * that come; the budget counts those.
 *
 * @throws {HTTPException} 413 past the limit, 408 when no byte comes for `stallMs`
 * @throws {OverloadError} if all bodies together are past the budget
 * @throws {GoneError} if the connection breaks
 */
export function readBody(incoming: IncomingMessage, options: ReadOptions): Promise<HeldBody> {
  const { limit, budget, pool, stallMs, headerLength } = options;
  const declared = incoming.headers['content-length'];
  const length = declared === undefined ? undefined : Number(declared);
  if (length !== undefined && length > limit) return Promise.reject(tooLarge(limit));

  const padding = (8 - (headerLength % 8)) % 8;
  let body = new Uint8Array(pool.take(padding + (length ?? FIRST_ROOM)));
  let end = padding;
  const release = () => {
    budget.release(end - padding);
    end = padding;
  };

  return new Promise((resolve, reject) => {
    const finish = () => {
      clearTimeout(stall);
      incoming.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
    };
    const fail = (error: Error) => {
      finish();
      incoming.pause();
      release();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      if (end + chunk.byteLength - padding > limit) return fail(tooLarge(limit));
      if (!budget.tryHold(chunk.byteLength)) return fail(overloaded(budget));
      if (end + chunk.byteLength > body.byteLength) {
        const larger = new Uint8Array(pool.take(Math.min(2 * (end + chunk.byteLength), padding + limit)));
        larger.set(body.subarray(0, end));
        pool.give(body.buffer);
        body = larger;
      }
      body.set(chunk, end);
      end += chunk.byteLength;
      stall.refresh();
    };
    const onEnd = () => {
      finish();
      const recycle = () => {
        release();
        pool.give(body.buffer);
      };
      resolve({ bytes: body.subarray(padding, end), release, recycle });
    };
    const onGone = () => fail(new GoneError('the connection broke before the whole request was here'));
    const stall = setTimeout(() => fail(stalled(stallMs)), stallMs);
    // An error has been told already if it came before anybody listened.
    if (incoming.destroyed) return onGone();
    incoming.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

function tooLarge(limit: number): HTTPException {
  return new HTTPException(413, { message: `the body has more than ${limit} bytes` });
}

function stalled(ms: number): HTTPException {
  return new HTTPException(408, { message: `no byte of the body came for ${ms / 1000} s` });
}

function overloaded({ limit }: ByteBudget): OverloadError {
  return new OverloadError(`the bodies of all requests have more than ${limit} bytes`);
}
