/** Files that are made when they are first asked for: one maker at a time of each. */
import { RpcTarget } from 'cloudflare:workers';

/** Nobody waits longer for a maker, ms: two of them at the same time are a waste, and no harm. */
const MAX_WAIT_MS = 60_000;

/** Whoever holds it makes the file. It ends when it is disposed of, and with the request that holds it. */
export class MakersTurn extends RpcTarget {
  readonly #end: () => void;

  constructor(end: () => void) {
    super();
    this.#end = end;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

export class Makers {
  /** By the file's name: when the last of those that have asked will have ended. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Resolves when whoever asked before has ended: the file is there then, or still to be made. */
  async turn(name: string, maxWaitMs = MAX_WAIT_MS): Promise<MakersTurn> {
    const before = this.#last.get(name);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const last = Promise.all([before, ended]);
    this.#last.set(name, last);
    if (before !== undefined) await Promise.race([before, scheduler.wait(maxWaitMs)]);
    return new MakersTurn(() => {
      end();
      if (this.#last.get(name) === last) this.#last.delete(name);
    });
  }
}
