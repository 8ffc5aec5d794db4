/**
 * Memory of large bodies and answers, used again. A body of megabytes for every request makes the garbage collector run at every
 * second one, and fresh memory costs a page fault for each 4 KB: together more than the rest of the request.
 */
export class BufferPool {
  readonly #maxFreeBytes: number;
  #free: ArrayBuffer[] = [];
  #freeBytes = 0;

  /** @param maxFreeBytes kept while nobody uses it */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** @returns at least `bytes`, with whatever was in it before */
  take(bytes: number): ArrayBuffer {
    if (bytes < SMALLEST) return new ArrayBuffer(bytes);
    const capacity = 2 ** Math.ceil(Math.log2(bytes));
    const at = this.#free.findIndex(({ byteLength }) => byteLength === capacity);
    if (at < 0) return new ArrayBuffer(capacity);
    this.#freeBytes -= capacity;
    return this.#free.splice(at, 1)[0]!;
  }

  /** Of a buffer that nobody reads or writes any more; one that is not from here is left to the garbage collector. */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer;
    if (
      byteLength < SMALLEST ||
      !isPowerOfTwo(byteLength) ||
      this.#freeBytes + byteLength > this.#maxFreeBytes
    )
      return;
    this.#freeBytes += byteLength;
    this.#free.push(buffer);
  }
}

const SMALLEST = 2 ** 18;

function isPowerOfTwo(bytes: number): boolean {
  return Number.isInteger(Math.log2(bytes));
}
