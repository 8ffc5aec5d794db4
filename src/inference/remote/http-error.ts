import { parseRetryAfter } from '../../retry-after.ts';
import { BackendError, type BackendErrorKind } from '../backend.ts';
import { readExcerpt } from './read-body.ts';

/** Enough for any message meant for people. */
const EXCERPT_BYTES = 4096;

/**
 * What an answer that is no 200 means for the step. Reads or cancels the body.
 *
 * @param what the call, for the message, e.g. `POST /v2/models/mnist-32/infer`
 */
export async function toBackendError(response: Response, what: string): Promise<BackendError> {
  const { status } = response;
  const text = await readExcerpt(response, EXCERPT_BYTES);
  const said = protocolError(text) ?? response.statusText;
  const message = `${what}: ${status} ${said}`.trimEnd();
  const detail = `${what}: ${status} ${protocolError(text) ?? (text || response.statusText)}`.trimEnd();
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), Date.now());
  return new BackendError(kindOf(status), message, {
    detail,
    ...(retryAfter !== undefined && { retryAfter }),
  });
}

function kindOf(status: number): BackendErrorKind {
  if (status === 404) return 'unknown_model';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 408) return 'timeout';
  if (status === 429 || status >= 500) return 'unavailable';
  // Other 4xx, and 3xx: a redirect is a wrong INFERENCE_URL and would carry the token elsewhere.
  return status >= 300 ? 'rejected' : 'invalid_response';
}

/** The protocol's {"error": string}; null for anything else, as a proxy's page, which is not for clients to see. */
function protocolError(text: string): string | null {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && 'error' in json && typeof json.error === 'string') {
      return json.error;
    }
  } catch {
    // Not JSON.
  }
  return null;
}
