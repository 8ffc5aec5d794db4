import { BackendError } from '../backend.ts';

/** A signal that fires when the caller's does or when the time is up, and can tell which it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** The error that the firing of `signal` stands for; null if it has not fired. */
  error(): BackendError | null;
}

export function startDeadline(timeoutMs: number, caller: AbortSignal | undefined, what: string): Deadline {
  const timeout = AbortSignal.timeout(timeoutMs);
  return {
    signal: caller === undefined ? timeout : AbortSignal.any([timeout, caller]),
    error() {
      if (caller?.aborted === true) {
        return new BackendError('aborted', `${what}: the caller gave up`, { cause: caller.reason });
      }
      return timeout.aborted
        ? new BackendError('timeout', `${what}: no answer within ${timeoutMs} ms`)
        : null;
    },
  };
}
