/**
 * Reads a Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP date.
 *
 * @param now milliseconds since 1970
 * @returns seconds from now, never negative; undefined if absent or unreadable
 */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text);
  // Date.parse takes more than HTTP dates, a bare negative number for one: those start with a weekday.
  const date = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
