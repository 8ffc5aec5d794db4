/** How a job comes to its place among those of its account that walk, keeps it, and gives it back; see Turn. */
import type { Env } from '../../env.ts';
import { RANKS } from '../priority.ts';
import type { SampleSpec } from '../spec.ts';
import { within } from '../within.ts';
import type { JobState } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { owesLeave, shouldAsk, wantsTurn } from './turn.ts';

/** A reader's look at the queue is at most this old, and takes at most so long. */
const POSITION_EVERY_MS = 1_000;
const POSITION_TIMEOUT_MS = 500;

export class QueuePlace {
  readonly #env: Env;
  readonly #store: JobStore;
  #positionAt = 0;

  constructor(env: Env, store: JobStore) {
    this.#env = env;
    this.#store = store;
  }

  /** Whether the job may walk; if it is to and may not yet, the queue hears of it. */
  async reached(): Promise<boolean> {
    const now = Date.now();
    if (shouldAsk(this.#store.read()!, now)) {
      this.#store.turns.want(now);
      const { spec, turn } = this.#store.read()!;
      const { ticket, since } = turn;
      const arrival = { job: spec.id, ticket, rank: RANKS[spec.priority], since };
      const answer = await this.#queue(spec)
        .enter(spec.account, arrival)
        .catch(() => null); // asked again soon
      if (answer?.granted === true) this.#store.turns.granted(ticket, Date.now());
      else if (answer !== null) this.#store.turns.heard(ticket, answer.position, Date.now());
    }
    return mayStart(this.#store.read()!);
  }

  /**
   * The queue has a place for this stay of the job.
   *
   * @returns whether the job takes it or has it already, and whether it has something to do now
   */
  offered(ticket: number): { readonly taken: boolean; readonly news: boolean } {
    const record = this.#store.read()!;
    if (record.turn.ticket !== ticket) return { taken: false, news: false };
    if (record.turn.state !== 'waiting') return { taken: record.turn.state === 'granted', news: false };
    const taken = wantsTurn(record);
    if (taken) this.#store.turns.granted(ticket, Date.now());
    else this.#store.turns.beginLeaving(); // it takes no place while it stands; if it is to go on, it queues anew
    return { taken, news: true };
  }

  /** Whether this stay in the queue goes on. */
  keeps(ticket: number): boolean {
    const { turn } = this.#store.read()!;
    return turn.ticket === ticket && (turn.state === 'waiting' || turn.state === 'granted');
  }

  /** Owed until the queue has heard it. */
  async leave(): Promise<void> {
    const record = this.#store.read();
    if (record === null || !owesLeave(record)) return;
    this.#store.turns.beginLeaving();
    const { spec, turn } = record;
    try {
      await this.#queue(spec).leave({ job: spec.id, ticket: turn.ticket });
      this.#store.turns.left(turn.ticket);
    } catch {
      // The next wake tries again.
    }
  }

  /** While it waits, its position as the queue has it now; what was last heard if the queue does not answer at once. */
  async askPosition(): Promise<void> {
    const { spec, turn, ...record } = this.#store.read()!;
    if (turn.state !== 'waiting' || record.status !== 'active') return;
    if (Date.now() - this.#positionAt < POSITION_EVERY_MS) return;
    this.#positionAt = Date.now();
    const asked = this.#queue(spec)
      .position(spec.id)
      .then((position) => {
        if (position !== null) this.#store.turns.setPosition(turn.ticket, position);
      });
    await within(asked, POSITION_TIMEOUT_MS);
  }

  #queue({ account }: SampleSpec) {
    return this.#env.ACCOUNT_QUEUES.get(this.#env.ACCOUNT_QUEUES.idFromName(account));
  }
}

/** Whether its batches may take steps. */
export function mayStart(record: JobState): boolean {
  return wantsTurn(record) && record.turn.state === 'granted';
}
