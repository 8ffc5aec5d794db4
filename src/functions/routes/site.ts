/** The pages for people, from the site's static assets: `/` and `/docs`. The API's own description does not list them. */
import { type Context, Hono } from 'hono';
import type { StatusCode } from 'hono/utils/http-status';
import type { AppEnv } from '../app-env.ts';
import { Problem } from '../problem.ts';

/** Scripts, styles and data from here alone, none of them inline. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const site = new Hono<AppEnv>()
  .get('/', (c) => asset(c, '/playground/index.html'))
  .get('/docs', (c) => asset(c, '/docs/index.html'))
  .get('/playground/:file', (c) => asset(c, c.req.path))
  .get('/docs/:file', (c) => asset(c, c.req.path));

/** Conditional requests are answered by the assets themselves. */
async function asset(c: Context<AppEnv>, path: string): Promise<Response> {
  const answer = await c.env.ASSETS.fetch(
    new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }),
  );
  if (answer.status === 404) {
    await answer.body?.cancel();
    throw new Problem('not-found', `there is no file ${path}`);
  }
  for (const [name, value] of answer.headers) c.header(name, value);
  c.header('Content-Security-Policy', POLICY);
  return c.newResponse(answer.body, answer.status as StatusCode);
}
