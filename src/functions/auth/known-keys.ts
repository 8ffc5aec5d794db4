/**
 * Keys that were looked up a moment ago, in the memory of the isolate. Most requests are polls, and the database would
 * be asked the same question for each of them.
 */
import type { ApiKey } from '../../store/keys.ts';

/** How long a key may be taken for what it was, ms: so long, elsewhere, one that was revoked may still read. */
const FRESH_MS = 5_000;
const MAX_KEPT = 1_000;

interface Known {
  readonly key: ApiKey;
  /** ms since the epoch */
  readonly until: number;
}

export class KnownKeys {
  /** By hash of the text. Plain values alone: a promise of one request is nothing that another could wait for. */
  readonly #kept = new Map<string, Known>();
  /** Counts what was forgotten: an answer that was asked for before is not kept. */
  #changes = 0;

  /** Null if it must be looked up. */
  find(hash: string, now: number): ApiKey | null {
    const known = this.#kept.get(hash);
    return known !== undefined && now < known.until ? known.key : null;
  }

  /** @param ask the database, for the key that this hash opens now */
  async lookUp(hash: string, now: number, ask: () => Promise<ApiKey | null>): Promise<ApiKey | null> {
    const changes = this.#changes;
    const key = await ask();
    if (key === null || changes !== this.#changes) return key;
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(hash, { key, until: freshUntil(key, now) });
    return key;
  }

  /** It has been noted in the database that the key was used. */
  markUsed(hash: string, now: number): void {
    const known = this.#kept.get(hash);
    if (known !== undefined) this.#kept.set(hash, { ...known, key: { ...known.key, lastUsedAt: now } });
  }

  /** After a change of a key: its next request here looks it up. */
  forget(id: string): void {
    this.#changes++;
    for (const [hash, { key }] of this.#kept) if (key.id === id) this.#kept.delete(hash);
  }
}

/** Of this isolate. */
export const knownKeys = new KnownKeys();

/** Never past a time at which the answer changes by itself. */
function freshUntil({ expiresAt, previousUntil }: ApiKey, now: number): number {
  const changes = [expiresAt, previousUntil].filter((time) => time !== null && time > now);
  return Math.min(now + FRESH_MS, ...(changes as number[]));
}
