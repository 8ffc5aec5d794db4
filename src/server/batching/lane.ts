import type { PendingRequest } from './pending-request.ts';
import { Presence } from './presence.ts';
import * as queue from './queue.ts';
import type { Member } from './run-batch.ts';
import { RunCost } from './run-cost.ts';
import { fairRows } from './run-length.ts';
import { Returns, windowEnd } from './window.ts';

/** Requests of one model, shape and datatype: what may share a batch. */
export class Lane {
  /** Unique among all lanes there ever were. */
  readonly name: string;
  readonly cost = new RunCost();
  /** What its last run took, in milliseconds. */
  lastRunMs = 0;
  readonly #limits: queue.BatchLimits;
  readonly #maxWindowMs: number;
  readonly #returns: Returns;
  readonly #presence = new Presence();
  readonly #requests = new Map<number, PendingRequest>();
  #queue = queue.EMPTY_QUEUE;
  #waitingItems = 0;
  /** Since when the engine, though free, waits for more. */
  #windowSince: number | null = null;

  constructor(name: string, limits: queue.BatchLimits, maxWindowMs: number) {
    this.name = name;
    this.#limits = limits;
    this.#maxWindowMs = maxWindowMs;
    this.#returns = new Returns(maxWindowMs);
  }

  /** Images that wait; those that run are not counted. */
  get waitingItems(): number {
    return this.#waitingItems;
  }

  add(request: PendingRequest, now: number): void {
    const { id, schedule, items } = request;
    this.#requests.set(id, request);
    this.#presence.came(schedule.owner, request.rows(0, items));
    this.#become(queue.enqueue(this.#queue, { id, ...schedule, items }));
    if (!schedule.exact) this.#returns.asked(schedule.owner, now);
  }

  /** Takes what is left of a request out of the queue; it has ended. */
  remove(request: PendingRequest, now: number): void {
    const { id, schedule, items } = request;
    if (!this.#requests.delete(id)) return;
    this.#presence.ended(schedule.owner, request.rows(0, items), now);
    if (this.#queue.waiting.some((waiting) => waiting.id === id)) {
      this.#become(queue.remove(this.#queue, new Set([id])));
    }
    if (!schedule.exact) this.#returns.settled(schedule.owner, now);
  }

  overdue(now: number): PendingRequest[] {
    return queue.overdue(this.#queue, now).map((id) => this.#requests.get(id)!);
  }

  waiting(): PendingRequest[] {
    return this.#queue.waiting.map(({ id }) => this.#requests.get(id)!);
  }

  /** From when on its next batch should run: `now`, or when more of it is likely to be there. */
  readyAt(now: number): number {
    const full = this.waitingItems >= this.#maxItems(now);
    const exactOnly = this.#queue.waiting.every(({ exact }) => exact);
    if (full || exactOnly) return now;
    this.#windowSince ??= now;
    const end = windowEnd(now, this.#returns.expected(now), this.cost.fixedMs());
    return Math.max(now, Math.min(end, this.#windowSince + this.#maxWindowMs));
  }

  take(now: number): { members: Member[]; exact: boolean } {
    const { batch, queue: rest } = queue.takeBatch(this.#queue, {
      ...this.#limits,
      maxItems: this.#maxItems(now),
    });
    this.#become(rest);
    this.#windowSince = null;
    const members = batch.slices.map(({ id, from, count }) => ({
      request: this.#requests.get(id)!,
      from,
      count,
    }));
    return { members, exact: batch.exact };
  }

  /** Milliseconds until all that waits has run, if nothing else did. */
  backlogMs(now: number): number {
    const items = this.waitingItems;
    if (items === 0) return 0;
    const rows = this.#waitingRows();
    const runs = Math.ceil(items / this.#maxItems(now));
    return runs * this.cost.expectedMs(Math.ceil(rows / runs));
  }

  /** Most items of the next batch: no more than may be, than pays, or than is fair. */
  #maxItems(now: number): number {
    const rows = Math.min(this.cost.bestRows(), fairRows(this.#presence.demands(now), this.cost));
    const rowsPerItem = this.#waitingRows() / Math.max(this.#waitingItems, 1) || 1;
    return Math.min(this.#limits.maxItems, Math.max(Math.floor(rows / rowsPerItem), 1));
  }

  /** Images that graphs will run on, counted once per graph. */
  #waitingRows(): number {
    return this.#queue.waiting.reduce(
      (sum, { id, items, taken }) => sum + this.#requests.get(id)!.rows(taken, items - taken),
      0,
    );
  }

  #become(next: queue.Queue): void {
    this.#queue = next;
    this.#waitingItems = queue.waitingItems(next);
  }
}
