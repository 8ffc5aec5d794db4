/** Why a request was not run. */

/** The queue is full: 503 with Retry-After. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  /** When there is likely to be room, in whole seconds, at least 1. */
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The request's deadline passed before its run: 504. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}
