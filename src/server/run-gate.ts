import { BusyError } from './batching/errors.ts';

export { BusyError };

/**
 * Lets one run at a time onto the processor (onnxruntime spreads each over its threads) and keeps the others in the
 * order they came.
 */
export class RunGate {
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = false;

  /** @param maxWaiting runs beyond this are refused */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /**
   * @throws {BusyError} if the queue is full
   * @throws the signal's reason if it fires before the run starts; the run then never starts
   */
  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running) await this.#wait(signal);
    this.#running = true;
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      const next = this.#waiting.shift();
      // Handed over directly, so that nobody who comes now overtakes.
      if (next === undefined) this.#running = false;
      else next();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting)
      throw new BusyError(`${this.#waiting.length} runs wait already`, 1);
    return new Promise((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) reject(signal.reason);
      else this.#waiting.push(start);
    });
  }
}
