/**
 * Memory that is used again. To fetch new pages from the system takes longer than to fill them with weights, so a
 * conversion of gigabytes goes through the same few of them.
 */
export class ScratchMemory {
  readonly #free: ArrayBuffer[] = [];

  /** Memory of this size with anything in it, from the start of a buffer on; whoever takes it gives it back. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const fitting = this.#free.filter(({ byteLength }) => byteLength >= length);
    // The smallest that is large enough; or the largest makes room for a larger one.
    const [chosen] = (fitting.length > 0 ? fitting : this.#free).toSorted((a, b) =>
      fitting.length > 0 ? a.byteLength - b.byteLength : b.byteLength - a.byteLength,
    );
    if (chosen) this.#free.splice(this.#free.indexOf(chosen), 1);
    const buffer = fitting.length > 0 ? chosen! : new ArrayBuffer(length);
    return new Uint8Array(buffer, 0, length);
  }

  give({ buffer }: Uint8Array<ArrayBuffer>): void {
    this.#free.push(buffer);
  }
}
