import type { RunTiming } from '../model-runner.ts';

/** When a request waited and when it ran. */
export class Timeline {
  readonly #now: () => number;
  readonly #onRun: ((run: RunTiming) => void) | undefined;
  #since: number;
  #waitMs = 0;
  #batchSize = 0;

  constructor({ now, onRun }: { now: () => number; onRun: ((run: RunTiming) => void) | undefined }) {
    this.#now = now;
    this.#onRun = onRun;
    this.#since = now();
  }

  /** @returns milliseconds since it came or since its last run began */
  began(now: number, batchSize: number): number {
    const waited = now - this.#since;
    // Of a split request, the runs before are part of the wait for the last one.
    this.#waitMs += waited;
    this.#since = now;
    this.#batchSize = batchSize;
    return waited;
  }

  /** Says how the run went that made the answer; nothing, if none was needed. */
  answered(): void {
    if (this.#batchSize === 0) return;
    this.#onRun?.({ waitMs: this.#waitMs, runMs: this.#now() - this.#since, batchSize: this.#batchSize });
  }
}
