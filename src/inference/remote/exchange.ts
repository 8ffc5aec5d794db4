/** One HTTP exchange with a server, body included; whatever goes wrong with it is a BackendError. */
import { BackendError } from '../backend.ts';
import type { Deadline } from './deadline.ts';
import { toBackendError } from './http-error.ts';
import { BodyTooLargeError, readBody } from './read-body.ts';

export interface Call {
  readonly url: string;
  readonly init: RequestInit;
  /** Largest body of a 200 that can be an answer, bytes. */
  readonly limit: number;
  /** For messages, without the server's address, e.g. `POST /v2/models/mnist-32/infer`. */
  readonly what: string;
}

export interface Answer {
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * @returns the answer if it is a 200
 * @throws {BackendError} for any other, and for none
 */
export async function exchange({ url, init, limit, what }: Call, deadline: Deadline): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: deadline.signal, redirect: 'manual' });
    if (response.status !== 200) throw await toBackendError(response, what);
    return { headers: response.headers, body: await readBody(response, limit) };
  } catch (error) {
    if (error instanceof BackendError) throw error;
    if (error instanceof BodyTooLargeError) {
      throw new BackendError('invalid_response', `${what}: ${error.message}`, { cause: error });
    }
    const detail = `${init.method ?? 'GET'} ${url}: ${reasonOf(error)}`;
    throw (
      deadline.error() ??
      new BackendError('unavailable', `${what}: the connection failed`, { cause: error, detail })
    );
  }
}

/** Node hides the reason (ECONNREFUSED, ...) in the cause; Workers has it in the message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== ''
    ? `${error.message} (${error.cause.message})`
    : error.message;
}
