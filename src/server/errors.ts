/** The protocol's error shape, `{"error": string}`, and its status codes. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { ProtocolError } from '../inference/oip/error.ts';
import { BusyError } from './run-gate.ts';

export function notFound(message: string): HTTPException {
  return new HTTPException(404, { message });
}

/** What a thrown error means to the client; an unexpected one is logged and says nothing of the inside. */
export function errorResponse(error: Error, c: Context): Response {
  if (error instanceof ProtocolError) return c.json({ error: error.message }, 400);
  if (error instanceof BusyError) return c.json({ error: error.message }, 503, { 'retry-after': '1' });
  if (error instanceof HTTPException) {
    return error.res ?? c.json({ error: error.message }, error.status);
  }
  console.error(error);
  return c.json({ error: 'internal error' }, 500);
}
