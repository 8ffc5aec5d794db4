import type { ServerResponse } from 'node:http';

/** The requests that are being answered, and when none is any more. */
export class InFlight {
  readonly #answers = new Set<ServerResponse>();
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#answers.size;
  }

  /** Counts a request until its answer has left, or nobody takes it any more. */
  add(outgoing: ServerResponse): void {
    this.#answers.add(outgoing);
    outgoing.once('close', () => {
      this.#answers.delete(outgoing);
      if (this.#answers.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }

  /** No connection is kept after the answer that is still to come on it. */
  closeConnections(): void {
    for (const outgoing of this.#answers) closeAfter(outgoing);
  }

  /** Resolves when none is left, but not later than after `ms`. */
  async settled(ms: number): Promise<void> {
    if (this.count === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.push(resolve);
    await promise;
    clearTimeout(timer);
  }
}

/** The connection ends with this answer, if it has not begun. */
export function closeAfter(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.setHeader('connection', 'close');
}
