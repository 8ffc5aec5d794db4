/** What several routes need. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { every } from 'hono/combine';
import { MAX_BODY_BYTES, MAX_IMAGE_BODY_BYTES } from '../limits.ts';
import { Problem } from '../problem.ts';
import { problemSchema } from '../schemas/common.ts';

/** An OpenAPI response that is a problem. */
export function problem(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemSchema } } };
}

const jsonType: MiddlewareHandler = async (c, next) => {
  const type = c.req.header('Content-Type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new Problem(
      'unsupported-media-type',
      `expected Content-Type: application/json, got ${type ?? 'none'}`,
    );
  }
  await next();
};

function sizeLimit(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new Problem('body-too-large', `at most ${maxSize} bytes are read`);
    },
  });
}

/** A body that is parsed by us, by hand, so that its syntax error is ours to explain. */
const wellFormed: MiddlewareHandler = async (c, next) => {
  const text = await c.req.text();
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Problem('malformed-json', text === '' ? 'the body is empty' : (error as SyntaxError).message);
  }
  await next();
};

/** In this order: type, size, syntax. */
export const requireJson = every(jsonType, sizeLimit(MAX_BODY_BYTES), wellFormed);

/** The same for requests that bring an image. */
export const requireJsonWithImage = every(jsonType, sizeLimit(MAX_IMAGE_BODY_BYTES), wellFormed);
