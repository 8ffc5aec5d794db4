/** What answers of the API carry unless a route says otherwise: they are private, and no page. */
import type { MiddlewareHandler } from 'hono';

const DEFAULTS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

export const apiHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(DEFAULTS)) {
    if (!c.res.headers.has(name)) c.header(name, value);
  }
};
