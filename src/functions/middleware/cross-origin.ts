/** CORS: which sites may call the API from a browser, as the operator says. */
import { cors } from 'hono/cors';
import type { AppEnv } from '../app-env.ts';

/** What scripts of other sites may read of an answer beside its body. */
const EXPOSED = [
  'Location',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'ETag',
  'Content-Range',
  'Accept-Ranges',
  'X-Request-Id',
  'Idempotent-Replayed',
  'Preference-Applied',
];
const ACCEPTED = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'Prefer',
  'Last-Event-ID',
  'If-None-Match',
  'Range',
  'X-Request-Id',
];
/** A browser asks again after this long; Chromium's own ceiling. */
const MAX_AGE_SECONDS = 7_200;

/** Answers preflights, which carry no key; keys are sent by scripts, never by browsers, so credentials stay off. */
export const crossOrigin = cors({
  origin: (origin, c) => allowedOrigin(origin, (c.env as AppEnv['Bindings']).CORS_ORIGINS),
  allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
  allowHeaders: ACCEPTED,
  exposeHeaders: EXPOSED,
  maxAge: MAX_AGE_SECONDS,
});

/** @param allowed `*`, or origins with commas between them; nothing: no other site */
export function allowedOrigin(origin: string, allowed: string | undefined): string | null {
  const origins = (allowed ?? '').split(',').map((text) => text.trim().replace(/\/$/, ''));
  if (origins.includes('*')) return '*';
  return origin !== '' && origins.includes(origin) ? origin : null;
}
