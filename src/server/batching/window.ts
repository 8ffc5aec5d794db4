/**
 * Whether a free engine should wait for more images. While a run is under way, requests queue up by themselves, so the
 * question is only there at the moment when the engine is free and some, but not enough, wait:
 *
 * - Running now and leaving the others to the next run costs that run's fixed part (RunCost.fixedMs).
 * - Waiting costs the engine's time until they are here.
 *
 * So waiting pays only for requests that are sure to come, and sooner than the fixed part is long. A diffusion job is
 * just that: its next step comes as soon as it has seen this one. An owner who has come back within the longest window
 * after an answer is expected to do so again, after as long as it usually takes. Nobody is expected by an idle server,
 * nor by one that serves a single job, so a lone request never waits.
 */

/** Who comes back, and when. */
export class Returns {
  readonly #longestMs: number;
  /** When answers went to an owner who has not come back for the next, oldest first. */
  readonly #answered = new Map<string, number[]>();
  /** How long an owner usually takes. */
  readonly #usual = new Map<string, number>();

  /** @param longestMs who stays away longer is not waited for */
  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  /** A request of this owner has ended, well or badly. */
  settled(owner: string, now: number): void {
    this.#forget(now);
    this.#answered.set(owner, [...(this.#answered.get(owner) ?? []), now]);
  }

  /** A request of this owner came. */
  asked(owner: string, now: number): void {
    this.#forget(now);
    const [last, ...others] = this.#answered.get(owner) ?? [];
    if (last === undefined) return;
    if (others.length > 0) this.#answered.set(owner, others);
    else this.#answered.delete(owner);
    const usual = this.#usual.get(owner) ?? now - last;
    this.#usual.set(owner, usual + NEWEST * (now - last - usual));
  }

  /** When requests of those who are away are likely to come, in no order. */
  expected(now: number): number[] {
    this.#forget(now);
    return [...this.#answered].flatMap(([owner, times]) => {
      const usual = this.#usual.get(owner);
      if (usual === undefined) return [];
      return times.map((at) => at + Math.min(SLACK * usual, this.#longestMs));
    });
  }

  #forget(now: number): void {
    for (const [owner, times] of this.#answered) {
      const recent = times.filter((at) => now - at <= this.#longestMs);
      if (recent.length > 0) {
        this.#answered.set(owner, recent);
      } else {
        this.#answered.delete(owner);
        this.#usual.delete(owner);
      }
    }
  }
}

/** Weight of the newest gap in the usual one. */
const NEWEST = 0.2;

/** Of the usual gap, how long is waited: most come back in that time. */
const SLACK = 1.5;

/**
 * @param expected from {@link Returns.expected}
 * @param fixedMs from {@link RunCost.fixedMs}
 * @returns until when the engine should wait; `now` for not at all
 */
export function windowEnd(now: number, expected: readonly number[], fixedMs: number): number {
  return Math.max(now, ...expected.filter((at) => at > now && at - now < fixedMs));
}
