/** Time, so that tests can make it. */
export interface Timers {
  /** Milliseconds since some fixed moment; {@link Schedule.deadline} is on the same scale. */
  now(): number;
  /** @returns what calls it off */
  after(ms: number, task: () => void): () => void;
  /** Once what has already arrived over the network has been read. */
  soon(task: () => void): void;
}

export const realTimers: Timers = {
  now: () => performance.now(),
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
  soon: (task) => {
    setImmediate(task);
  },
};
