/** How long a step takes lately, from commit to commit. Old steps count less: the first ones warm up the engine. */
const WEIGHT_OF_NEWEST = 0.2;

export class Pace {
  #last: number | null = null;
  #stepMs: number | null = null;

  /** Milliseconds per step; null before two commits in a row. */
  get stepMs(): number | null {
    return this.#stepMs;
  }

  /** A pause begins or has ended: it is no part of a step. */
  reset(): void {
    this.#last = null;
  }

  tick(now: number): void {
    if (this.#last !== null) {
      const ms = now - this.#last;
      this.#stepMs = this.#stepMs === null ? ms : this.#stepMs + WEIGHT_OF_NEWEST * (ms - this.#stepMs);
    }
    this.#last = now;
  }
}
