/** When a call is worth another try, and when. */
import { parseRetryAfter } from '../retry-after.ts';

/** Nothing was done: safe to repeat whatever the call. */
const NOT_DONE: ReadonlySet<number> = new Set([429, 503]);
/** Something may have been done: only calls that may come twice are repeated. */
const UNCERTAIN: ReadonlySet<number> = new Set([408, 500, 502, 504]);

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;
/** A wait that the API asks for is kept up to here; for a longer one (a quota of the day) the caller decides. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * @param attempt 1 after the first try
 * @param repeatable whether the call may reach the API twice
 * @returns milliseconds to wait before the next try; null: give up
 */
export function retryDelay(response: Response, attempt: number, repeatable: boolean): number | null {
  const { status, headers } = response;
  if (!NOT_DONE.has(status) && !(repeatable && UNCERTAIN.has(status))) return null;
  const asked = parseRetryAfter(headers.get('Retry-After'), Date.now());
  if (asked === undefined) return backoff(attempt);
  return asked * 1000 <= MAX_RETRY_AFTER_MS ? Math.max(asked * 1000, backoff(attempt)) : null;
}

/** Doubles with each attempt; the jitter keeps clients that failed together from coming back together. */
export function backoff(attempt: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return full * (0.5 + Math.random() / 2);
}
