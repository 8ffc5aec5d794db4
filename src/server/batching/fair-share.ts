/**
 * Fair shares of one engine by self-clocked fair queueing (Golestani 1994, "A self-clocked fair queueing scheme for
 * broadband applications"): who has used more goes later, who has been away gains nothing by it, and a lower price
 * means a larger share. Plain data; nothing here is changed in place.
 */
export interface Shares {
  /** Finish tag of what was served last. */
  readonly virtualTime: number;
  /** Of everyone who waits, or who has used more than the virtual time: the finish tag of their last service. */
  readonly tags: ReadonlyMap<string, number>;
}

export const NO_SHARES: Shares = { virtualTime: 0, tags: new Map() };

/** Somebody who did not wait begins to. */
export function enter(shares: Shares, who: string): Shares {
  const tag = Math.max(shares.virtualTime, shares.tags.get(who) ?? 0);
  return { ...shares, tags: new Map(shares.tags).set(who, tag) };
}

/** Where somebody who waits would finish if they were served now: the smallest goes first. */
export function finishTag(shares: Shares, who: string, price: number): number {
  return (shares.tags.get(who) ?? shares.virtualTime) + price;
}

/** Somebody is served. */
export function charge(shares: Shares, who: string, price: number): Shares {
  const finish = finishTag(shares, who, price);
  return {
    virtualTime: Math.max(shares.virtualTime, finish),
    tags: new Map(shares.tags).set(who, finish),
  };
}

/** Without those whom forgetting does not change, so that the names of the past do not pile up. */
export function prune(shares: Shares, waits: (who: string) => boolean): Shares {
  const kept = [...shares.tags].filter(([who, tag]) => tag > shares.virtualTime || waits(who));
  return kept.length === shares.tags.size ? shares : { ...shares, tags: new Map(kept) };
}
