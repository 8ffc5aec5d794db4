import { charge, enter, finishTag, NO_SHARES, prune, type Shares } from './fair-share.ts';
import type { Lane } from './lane.ts';

/**
 * Which lane runs next. Lanes share the engine's time fairly: the price of a lane's turn is what its last run took.
 */
export class LaneShares {
  #shares: Shares = NO_SHARES;

  /** A lane that had nothing to run has something. */
  enter(lane: Lane): void {
    this.#shares = enter(this.#shares, lane.name);
  }

  /** @returns of these lanes the one whose turn it is */
  next(lanes: readonly Lane[]): Lane | undefined {
    const tag = (lane: Lane) => finishTag(this.#shares, lane.name, lane.lastRunMs);
    return lanes.reduce<Lane | undefined>(
      (best, lane) => (best === undefined || tag(lane) < tag(best) ? lane : best),
      undefined,
    );
  }

  /** A lane takes its turn. */
  charge(lane: Lane, waiting: readonly Lane[]): void {
    const names = new Set(waiting.map(({ name }) => name));
    this.#shares = prune(charge(this.#shares, lane.name, lane.lastRunMs), (name) => names.has(name));
  }
}
