/** What a server says of a model outside of inference: whether it is ready, and its digest. */
import { BackendError } from '../backend.ts';
import type { Deadline } from './deadline.ts';
import { type Call, exchange } from './exchange.ts';

/** Metadata is names and shapes. */
const METADATA_BYTES = 65_536;

/** How a server is reached, and where on it the model is. */
export interface ModelPlace {
  /** `<base>/v2/models/<model>`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {BackendError} unless the server says that the model is ready */
export async function askReady(place: ModelPlace, deadline: Deadline): Promise<void> {
  await exchange(get(place, '/ready'), deadline);
}

/**
 * The digest in the model's metadata. Only Cairn's server is known to give one; the parameter is no part of the
 * protocol.
 *
 * @returns null if the server gives no digest, or no metadata
 * @throws {BackendError} if the server can't be asked right now
 */
export async function askDigest(place: ModelPlace, deadline: Deadline): Promise<string | null> {
  let body: Uint8Array;
  try {
    ({ body } = await exchange(get(place, ''), deadline));
  } catch (error) {
    if (error instanceof BackendError && !error.retryable && error.kind !== 'aborted') return null;
    throw error;
  }
  try {
    const metadata = JSON.parse(new TextDecoder().decode(body));
    const digest: unknown = metadata?.parameters?.digest;
    return typeof digest === 'string' ? digest : null;
  } catch {
    return null;
  }
}

function get({ url, headers }: ModelPlace, path: string): Call {
  return { url: `${url}${path}`, init: { headers }, limit: METADATA_BYTES, what: `GET ${url}${path}` };
}
