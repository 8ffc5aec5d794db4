/** Conditional and range requests (RFC 9110, sections 13 and 14): which of its answers a request gets. */

export interface Validators {
  /** Strong, in quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  /** Bytes. */
  readonly size: number;
}

export type Answer =
  | { readonly status: 200 | 304 | 412 | 416 }
  | { readonly status: 206; readonly offset: number; readonly length: number };

/** In the order of precedence of section 13.2.2. Of several ranges at once none is sent: the whole answers them. */
export function answerTo(method: string, headers: Headers, validators: Validators): Answer {
  const ifMatch = headers.get('If-Match');
  if (ifMatch !== null) {
    if (!names(ifMatch, validators.etag, 'strong')) return { status: 412 };
  } else if (isBefore(headers.get('If-Unmodified-Since'), validators.lastModified)) return { status: 412 };

  const ifNoneMatch = headers.get('If-None-Match');
  if (ifNoneMatch !== null) {
    if (names(ifNoneMatch, validators.etag, 'weak')) return { status: 304 };
  } else {
    const since = headers.get('If-Modified-Since');
    if (since !== null && isBefore(since, validators.lastModified) === false) return { status: 304 };
  }

  const range = headers.get('Range');
  if (method !== 'GET' || range === null || !holds(headers.get('If-Range'), validators))
    return { status: 200 };
  return answerToRange(range, validators.size);
}

function answerToRange(range: string, size: number): Answer {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(range) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { status: 200 };
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? { status: 416 } : { status: 206, offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return { status: 200 }; // no range at all
  if (offset >= size) return { status: 416 };
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  return { status: 206, offset, length: end - offset };
}

/** Whether a list of entity tags names this one. A weak tag equals a strong one only in the weak comparison. */
function names(list: string, etag: string, comparison: 'weak' | 'strong'): boolean {
  if (list.trim() === '*') return true;
  const tags = list.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => (comparison === 'weak' ? tag.replace(/^W\//, '') : tag) === etag);
}

/** Whether a date is earlier than another, to the second; null if there is none to compare. */
function isBefore(date: string | null, other: Date): boolean | null {
  const time = date === null ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? null : time < Math.floor(other.getTime() / 1000) * 1000;
}

/** If-Range: a strong tag, or the exact date. */
function holds(condition: string | null, { etag, lastModified }: Validators): boolean {
  if (condition === null) return true;
  return condition.includes('"') ? condition.trim() === etag : condition === lastModified.toUTCString();
}
