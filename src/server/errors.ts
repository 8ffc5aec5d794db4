/** The protocol's error shape, `{"error": string}`, and its status codes. */
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ProtocolError } from '../inference/oip/error.ts';
import { BusyError, DeadlineError } from './batching/errors.ts';
import { EngineError } from './engine/engine-error.ts';
import { GoneError, OverloadError } from './http/errors.ts';

/** Why a request got no answer of its model's, for metrics and logs. */
export type ErrorReason =
  | 'malformed'
  | 'unauthorized'
  | 'not_found'
  | 'too_large'
  | 'slow'
  | 'busy'
  | 'deadline'
  | 'engine'
  | 'gone'
  | 'internal';

export interface Failure {
  readonly status: ContentfulStatusCode;
  readonly reason: ErrorReason;
  /** For the client: nothing of the inside. */
  readonly message: string;
  readonly retryAfterSeconds?: number;
  /** Nothing that a client did: the error itself belongs into the log. */
  readonly unexpected?: true;
}

/** Nobody reads it; nginx's number for it. */
const CLIENT_CLOSED_REQUEST = 499 as ContentfulStatusCode;

export function notFound(message: string): HTTPException {
  return new HTTPException(404, { message });
}

/**
 * What a thrown error means to the client.
 *
 * @param gone nobody waits for the answer
 */
export function failureOf(error: unknown, gone: boolean): Failure {
  if (gone || error instanceof GoneError) {
    return { status: CLIENT_CLOSED_REQUEST, reason: 'gone', message: 'the client has gone' };
  }
  if (error instanceof ProtocolError) return { status: 400, reason: 'malformed', message: error.message };
  if (error instanceof BusyError) {
    const { message, retryAfterSeconds } = error;
    return { status: 503, reason: 'busy', message, retryAfterSeconds };
  }
  if (error instanceof OverloadError) {
    return { status: 503, reason: 'busy', message: error.message, retryAfterSeconds: 1 };
  }
  if (error instanceof DeadlineError) return { status: 504, reason: 'deadline', message: error.message };
  if (error instanceof EngineError) {
    return {
      status: 503,
      reason: 'engine',
      message: 'the engine failed',
      retryAfterSeconds: 1,
      unexpected: true,
    };
  }
  if (error instanceof HTTPException) {
    const { status, message } = error;
    return {
      status: status as ContentfulStatusCode,
      reason: reasonOf(status),
      message: message || 'no valid token',
    };
  }
  return { status: 500, reason: 'internal', message: 'internal error', unexpected: true };
}

function reasonOf(status: number): ErrorReason {
  if (status === 401) return 'unauthorized';
  if (status === 404 || status === 405) return 'not_found';
  if (status === 408) return 'slow';
  if (status === 413) return 'too_large';
  if (status === 503) return 'busy';
  return status < 500 ? 'malformed' : 'internal';
}
