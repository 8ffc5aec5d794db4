/** Bodies of requests, read once and within a limit: whoever asks for one later gets what was read here. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { Problem } from './problem.ts';

/**
 * Of what goes wrong only the size is the caller's to know: the rest is a connection that broke, or a chunk that is none.
 *
 * @param maxSize bytes
 * @throws {Problem} body-too-large, incomplete-body
 */
export function readBody(maxSize: number): MiddlewareHandler {
  const limited = bodyLimit({
    maxSize,
    onError: () => {
      throw new Problem('body-too-large', `at most ${maxSize} bytes are read`);
    },
  });
  return async (c, next) => {
    try {
      await limited(c, async () => {
        await c.req.arrayBuffer();
      });
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
