/** The links of one answer: absolute, and signed where a browser has to follow them without a key. */
import { type SigningEnv, signUrl } from './auth/signed-url.ts';

/** A signed link works at least this long, unless what it leads to goes earlier. */
const LINK_SECONDS = 3_600;
/** Expiries fall on multiples of this, so that answers of the same while name the same URLs and browsers may cache. */
const ROUND_SECONDS = 900;

export interface LinkOptions {
  /** Links begin with it, e.g. `https://api.example.com`: a deployment may be reached under several. */
  readonly origin: string;
  /** ms since the epoch. */
  readonly now: number;
}

export class Links {
  readonly #origin: string;
  readonly #env: SigningEnv;
  readonly #now: number;

  constructor(env: SigningEnv, { origin, now }: LinkOptions) {
    this.#origin = origin;
    this.#env = env;
    this.#now = now;
  }

  /** For callers with a key. */
  to(path: string): string {
    return this.#origin + path;
  }

  /**
   * Good without a key for an hour, but never past the end of what it leads to. Without a secret for signing it is
   * {@link to}.
   *
   * @param goneAt when that is deleted, ms since the epoch; null if nobody knows yet
   */
  signed(path: string, goneAt: number | null = null): Promise<string> {
    const hour = Math.ceil((this.#now / 1000 + LINK_SECONDS) / ROUND_SECONDS) * ROUND_SECONDS;
    const end = goneAt === null ? Number.POSITIVE_INFINITY : Math.floor(goneAt / 1000);
    return signUrl(this.to(path), Math.min(hour, end), this.#env);
  }
}
