/** SHA-256 of bytes that come in pieces. */
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';

export interface Digest {
  /**
   * Takes the next bytes into account, in the order of the calls. They must be left alone until this resolves.
   *
   * @throws {Error} if that can't be done any more
   */
  update(bytes: Uint8Array): Promise<void>;
  /** @returns lower-case hexadecimal digits, of all bytes so far; nothing can be added then */
  digest(): Promise<string>;
  /** Frees what it holds, whatever is under way. */
  close(): Promise<void>;
}

export function digestHere(): Digest {
  const hash = createHash('sha256');
  return {
    async update(bytes) {
      hash.update(bytes);
    },
    async digest() {
      return hash.digest('hex');
    },
    async close() {},
  };
}

/** Plain JavaScript: a thread that had to read TypeScript would take longer to start, and 20 MiB. */
const THREAD = `
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const hash = createHash('sha256');
parentPort.on('message', (bytes) => {
  if (bytes !== null) hash.update(bytes);
  parentPort.postMessage(bytes === null ? hash.digest('hex') : '');
});
`;

/**
 * In a thread of its own: to digest a byte takes longer than all else that a conversion does with it. Bytes in shared
 * memory are not copied for it.
 */
export class DigestThread implements Digest {
  readonly #worker = new Worker(THREAD, { eval: true });
  /** Who waits for the thread's answers, in their order. */
  readonly #waiting: PromiseWithResolvers<string>[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#worker.on('message', (answer: string) => this.#waiting.shift()!.resolve(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(new Error('the thread that digests has ended')));
  }

  async update(bytes: Uint8Array): Promise<void> {
    await this.#ask(bytes);
  }

  digest(): Promise<string> {
    return this.#ask(null);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(question: Uint8Array | null): Promise<string> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<string>();
    this.#waiting.push(answer);
    this.#worker.postMessage(question);
    return answer.promise;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
