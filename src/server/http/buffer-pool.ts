/**
 * Memory of bodies and answers, used again. Fresh memory for every request makes the garbage collector run, at every second
 * one of megabytes, and costs a page fault for each 4 KB: together more than the rest of the request.
 */
export class BufferPool {
  readonly #maxFreeBytes: number;
  /** Taken and not given back. */
  readonly #lent = new WeakSet<ArrayBuffer>();
  /** By size. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  /** @param maxFreeBytes kept while nobody uses it */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** @returns at least `bytes`, with whatever was in it before */
  take(bytes: number): ArrayBuffer {
    if (bytes < SMALLEST) return new ArrayBuffer(bytes);
    const capacity = 2 ** Math.ceil(Math.log2(bytes));
    const kept = this.#free.get(capacity)?.pop();
    if (kept !== undefined) this.#freeBytes -= capacity;
    const buffer = kept ?? new ArrayBuffer(capacity);
    this.#lent.add(buffer);
    return buffer;
  }

  /**
   * Of a buffer that nobody reads or writes any more. One that is not from here is left to the garbage collector: with
   * those the pool would fill up, and not only with as many buffers as were in use at a time.
   */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer;
    if (!this.#lent.delete(buffer) || this.#freeBytes + byteLength > this.#maxFreeBytes) return;
    this.#freeBytes += byteLength;
    const same = this.#free.get(byteLength);
    if (same === undefined) this.#free.set(byteLength, [buffer]);
    else same.push(buffer);
  }
}

/** Below, the engine's own allocator is as fast. */
const SMALLEST = 2 ** 14;
