/**
 * Images under way at a backend, over all durable objects of the isolate.
 *
 * An object that is torn down never says that its call has ended, so every call counts until its deadline at most.
 */
export class InFlight {
  readonly #calls = new Set<{ readonly images: number; readonly until: number }>();

  /** @returns to be called when the call has ended */
  begin(images: number, until: number): () => void {
    const call = { images, until };
    this.#calls.add(call);
    return () => void this.#calls.delete(call);
  }

  images(now: number): number {
    let sum = 0;
    for (const call of this.#calls) {
      if (call.until < now) this.#calls.delete(call);
      else sum += call.images;
    }
    return sum;
  }
}
