/** What several routes need. */
import type { MiddlewareHandler } from 'hono';
import { every } from 'hono/combine';
import { readBody } from '../body.ts';
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

/** Of a route that takes none: whatever comes is part of what an Idempotency-Key stands for. */
export const anyBody = readBody(MAX_BODY_BYTES);

/** In this order: type, size, syntax. */
export const requireJson = every(jsonType, readBody(MAX_BODY_BYTES), wellFormed);

/** The same for requests that bring an image. */
export const requireJsonWithImage = every(jsonType, readBody(MAX_IMAGE_BODY_BYTES), wellFormed);
