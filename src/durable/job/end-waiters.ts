/** Requests that wait for a job's end. They live in memory: an object that dies drops them, and they ask again. */
export class EndWaiters {
  readonly #wakers = new Set<() => void>();

  /** Resolves at the end of the job, or after so many ms. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#wakers.add(wake);
    });
  }

  wakeAll(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
