/** Whether a backend is fit to take steps of a model: a circuit breaker that knows why it is open. */
import type { BackendError, BackendErrorKind } from '../backend.ts';

/**
 * - `healthy`: takes steps
 * - `held`: asked for patience (Retry-After); takes none until then
 * - `ejected`: takes none for now
 * - `due`: its time is over; to be probed before it takes a step again
 * - `busy`: a probe, or the one step of its trial, is under way
 * - `on_trial`: the probe was good; takes one step, and that decides
 */
export type Standing = 'healthy' | 'held' | 'ejected' | 'due' | 'busy' | 'on_trial';

/** Failures in a row after which a backend is ejected. A timeout has cost its caller a whole deadline. */
const FAILURES: Partial<Record<BackendErrorKind, number>> = {
  unavailable: 3,
  invalid_response: 3,
  timeout: 1,
};
/** First time out, ms; doubled each time in a row, up to the last. */
const SICK_MS = { first: 1_000, last: 60_000 };
/** The same for what only an operator can mend: a wrong token, a missing or another model, a refusal. */
const WRONG_MS = { first: 30_000, last: 300_000 };
/** No Retry-After holds longer. */
const MAX_HOLD_MS = 60_000;

export class Health {
  readonly #random: () => number;
  #failures = 0;
  #ejections = 0;
  #ejectedUntil: number | null = null;
  #heldUntil = 0;
  #busyUntil = 0;
  #probed = false;
  #error: BackendError | null = null;

  /** @param random uniform in [0, 1): spreads the probes of many isolates over time */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  standing(now: number): Standing {
    if (now < this.#heldUntil) return 'held';
    if (this.#ejectedUntil === null) return 'healthy';
    if (now < this.#busyUntil) return 'busy';
    if (now < this.#ejectedUntil) return 'ejected';
    return this.#probed ? 'on_trial' : 'due';
  }

  /** The last failure since the last success. */
  get error(): BackendError | null {
    return this.#error;
  }

  /** When it is held or ejected: until then, ms. */
  get until(): number {
    return Math.max(this.#heldUntil, this.#ejectedUntil ?? 0);
  }

  /** A probe or a trial begins; one that never reports its end is over at `until`. */
  begin(until: number): void {
    this.#busyUntil = until;
    this.#probed = false;
  }

  /** A trial was called off by its caller: that says nothing. */
  calledOff(): void {
    this.#busyUntil = 0;
    this.#probed = this.#ejectedUntil !== null;
  }

  probed(): void {
    this.#busyUntil = 0;
    this.#probed = true;
  }

  /** @returns whether it was ejected until now */
  succeeded(): boolean {
    const wasEjected = this.#ejectedUntil !== null;
    this.#failures = 0;
    this.#ejections = 0;
    this.#ejectedUntil = null;
    this.#heldUntil = 0;
    this.#busyUntil = 0;
    this.#probed = false;
    this.#error = null;
    return wasEjected;
  }

  /**
   * @param trial whether it was a probe or a trial that failed
   * @returns for how many milliseconds it is ejected, if that begins now
   */
  failed(error: BackendError, now: number, trial: boolean): number | null {
    this.#error = error;
    if (trial) this.#busyUntil = 0;
    const patience = 1000 * (error.retryAfter ?? 0);
    if (patience > 0) this.#heldUntil = now + Math.min(patience, MAX_HOLD_MS);
    if (trial) return this.#eject(error, now);
    // Calls that were under way when it was ejected fail late: they are no news.
    if (this.#ejectedUntil !== null) return null;
    // Being busy is not being sick.
    if (patience > 0) return null;
    this.#failures++;
    return this.#failures >= (FAILURES[error.kind] ?? 1) ? this.#eject(error, now) : null;
  }

  #eject(error: BackendError, now: number): number {
    const { first, last } = FAILURES[error.kind] === undefined ? WRONG_MS : SICK_MS;
    const ms = Math.min(last, first * 2 ** this.#ejections) * (0.8 + 0.4 * this.#random());
    this.#ejections++;
    this.#ejectedUntil = now + ms;
    this.#probed = false;
    return ms;
  }
}
