/** `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): a request that comes twice makes one sample. */
import type { Context } from 'hono';
import type { IdempotencyKey } from '../store/admission.ts';
import { hashOf } from '../store/keys.ts';
import { Problem } from './problem.ts';

const MAX_KEY = 255;

/** With an answer that does not stem from this request but from an earlier one with the same key. */
export const REPLAYED_HEADER = 'Idempotent-Replayed';

/**
 * The key of this request and a digest of what it asks for. Null if it names none.
 *
 * @throws {Problem} invalid-header
 */
export async function idempotencyKeyOf(c: Context): Promise<IdempotencyKey | null> {
  const header = c.req.header('Idempotency-Key');
  if (header === undefined) return null;
  const key = /^"(.*)"$/.exec(header)?.[1] ?? header; // the draft has it quoted, most clients do not
  if (key === '' || key.length > MAX_KEY || !/^[\x21-\x7e]+$/.test(key)) {
    const detail = `Idempotency-Key: expected 1 to ${MAX_KEY} visible ASCII characters, best a UUID`;
    throw new Problem('invalid-header', detail);
  }
  const { pathname } = new URL(c.req.url);
  return { key, hash: await hashOf(`${c.req.method} ${pathname}\n${await canonicalBody(c)}`) };
}

/** A JSON body says the same whatever the order of its members and the space between them. */
async function canonicalBody(c: Context): Promise<string> {
  if (!/^application\/json\b/i.test(c.req.header('Content-Type') ?? '')) {
    const digest = await crypto.subtle.digest('SHA-256', await c.req.arrayBuffer());
    return new Uint8Array(digest).toHex();
  }
  const text = await c.req.text();
  if (text.trim() === '') return '';
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    // Routes that read no body take any: one that is no JSON, or nested too deeply to be sorted, is the same only as itself.
    return text;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return members.map(([name, member]) => [name, sorted(member)]);
}
