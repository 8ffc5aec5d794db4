/** Who is being served, and how much each of them wants at a time. Plain bookkeeping; time comes from outside. */
export class Presence {
  readonly #owners = new Map<string, Owner>();

  came(owner: string, rows: number): void {
    const known = this.#owners.get(owner);
    const wants = (known?.wants ?? 0) + rows;
    // Who comes back after an answer to everything may want less than before.
    const most = known === undefined || known.wants === 0 ? wants : Math.max(known.most, wants);
    this.#owners.set(owner, { wants, most, leftAt: null });
  }

  /** A request of so many rows has ended, well or badly. */
  ended(owner: string, rows: number, now: number): void {
    const { wants, most } = this.#owners.get(owner)!;
    this.#owners.set(owner, { wants: wants - rows, most, leftAt: wants === rows ? now : null });
  }

  /** The most rows that each owner wanted at a time; who was answered a moment ago is likely to come back. */
  demands(now: number): number[] {
    for (const [owner, { leftAt }] of this.#owners) {
      if (leftAt !== null && now - leftAt > REMEMBERED_MS) this.#owners.delete(owner);
    }
    return [...this.#owners.values()].map(({ most }) => most);
  }
}

interface Owner {
  /** Rows that wait or run. */
  readonly wants: number;
  readonly most: number;
  /** When it had its last answer; null while it waits for one. */
  readonly leftAt: number | null;
}

/** Between two steps of a job, over any network. */
const REMEMBERED_MS = 500;
