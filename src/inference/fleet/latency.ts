/** How long a backend takes per image of one model lately. */
const WEIGHT_OF_NEWEST = 0.3;
/** An estimate that nothing confirms loses half of itself in this time, so that a slow backend gets another chance. */
const HALF_LIFE_MS = 10_000;

export class Latency {
  #ms: number | null = null;
  #at = 0;

  /** Milliseconds per image; null before there was any answer. */
  perImage(now: number): number | null {
    return this.#ms === null ? null : this.#ms * 2 ** ((this.#at - now) / HALF_LIFE_MS);
  }

  /** An answer to a batch of `images` came after `ms`. Per image, so that small batches do not look like fast ones. */
  observe(ms: number, images: number, now: number): void {
    const known = this.perImage(now);
    this.#set(known === null ? ms / images : known + WEIGHT_OF_NEWEST * (ms / images - known), now);
  }

  /** No answer came within `ms`: it takes at least that. */
  observeFailure(ms: number, images: number, now: number): void {
    this.#set(Math.max(ms / images, this.perImage(now) ?? 0), now);
  }

  #set(ms: number, now: number): void {
    this.#ms = ms;
    this.#at = now;
  }
}
