/** The time a run may take. */
export interface Clock {
  leftMs(): number;
  /** Fires when the time is up. */
  signal(): AbortSignal;
}

export function startClock(seconds: number): Clock {
  const end = performance.now() + 1000 * seconds;
  const leftMs = () => Math.max(0, Math.floor(end - performance.now()));
  return { leftMs, signal: () => AbortSignal.timeout(leftMs()) };
}

/** A clock that stops when this part of what is left has passed. */
export function partOf(clock: Clock, part: number): Clock {
  return startClock((part * clock.leftMs()) / 1000);
}
