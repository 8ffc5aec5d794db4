/** Bodies of requests, read once, within a limit and in time: whoever asks for one later gets what was read here. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { Problem } from './problem.ts';

/** The platform waits for a body for as long as its sender stays: ms for any, ... */
const BASE_MS = 30_000;
/** ... and for larger ones so many bytes in each further ms, which is a slow phone's half a megabit a second. */
const BYTES_PER_MS = 64;

/**
 * Of what goes wrong only size and time are the caller's to know: the rest is a connection that broke, or a chunk that is
 * none.
 *
 * @param maxSize bytes
 * @param withinMs for the whole of it
 * @throws {Problem} body-too-large, body-timeout, incomplete-body
 */
export function readBody(maxSize: number, withinMs = patienceFor(maxSize)): MiddlewareHandler {
  const limited = bodyLimit({
    maxSize,
    onError: () => {
      throw new Problem('body-too-large', `at most ${maxSize} bytes are read`);
    },
  });
  return async (c, next) => {
    const whole = limited(c, async () => {
      await c.req.arrayBuffer();
    });
    try {
      await inTime(whole, withinMs);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem(
        'incomplete-body',
        'it broke off, or its chunks are not as Transfer-Encoding has them',
      );
    }
    await next();
  };
}

/** In whole seconds, as it is told. */
function patienceFor(bytes: number): number {
  return Math.ceil((BASE_MS + bytes / BYTES_PER_MS) / 1000) * 1000;
}

/** @throws {Problem} body-timeout */
async function inTime(whole: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Problem('body-timeout', `the whole of it has to be here within ${ms / 1000} seconds`));
  }, ms);
  whole.catch(() => {}); // when it breaks off too late for anyone to hear of it
  try {
    await Promise.race([whole, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
