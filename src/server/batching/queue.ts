/**
 * The queue of one model as plain data, and who runs next: functions from a queue to a queue, with no clock and no
 * tensors. An item is one image of a request.
 *
 * 1. Owners take turns, item by item (fair-share.ts); an exact request is taken whole. A request's priority is the price of its items, so an owner at
 *    priority 50 gets twice the turns of one at 100, and nobody gets none.
 * 2. Of one owner's requests the smallest priority goes first, then the earliest deadline, then the first that came;
 *    but every {@link OLDEST_EVERY}th of its turns goes to the one that has waited longest, so that none waits for ever.
 */

import { DEFAULT_PRIORITY, type Schedule } from '../model-runner.ts';
import { charge, enter, finishTag, NO_SHARES, prune, type Shares } from './fair-share.ts';

/** Of an owner's turns, how often one goes to its oldest request. */
export const OLDEST_EVERY = 8;

export interface WaitingRequest extends Schedule {
  /** Unique, and larger for who came later. */
  readonly id: number;
  /** Images, at least 1. */
  readonly items: number;
  /** How many of them, from the first on, are no longer here. */
  readonly taken: number;
}

export interface Queue {
  /** In order of arrival. */
  readonly waiting: readonly WaitingRequest[];
  readonly shares: Shares;
  /** Turns that each owner who waits has had. */
  readonly turns: ReadonlyMap<string, number>;
}

export const EMPTY_QUEUE: Queue = { waiting: [], shares: NO_SHARES, turns: new Map() };

export interface BatchLimits {
  /** Most items in a batch. */
  readonly maxItems: number;
  /** Items that exact requests share a run up to; null: each runs alone, whatever its size. */
  readonly exactItems: number | null;
}

/** Neighbouring items of one request. */
export interface Slice {
  readonly id: number;
  readonly from: number;
  readonly count: number;
}

export interface Batch {
  /** In the order in which they were chosen; no two of one request. */
  readonly slices: readonly Slice[];
  readonly exact: boolean;
}

export function waitingItems({ waiting }: Queue): number {
  return waiting.reduce((sum, request) => sum + left(request), 0);
}

export function enqueue(queue: Queue, request: Omit<WaitingRequest, 'taken'>): Queue {
  const known = queue.waiting.some(({ owner }) => owner === request.owner);
  return {
    ...queue,
    waiting: [...queue.waiting, { ...request, taken: 0 }],
    shares: known ? queue.shares : enter(queue.shares, request.owner),
  };
}

/** Without the items of these requests that still wait. */
export function remove(queue: Queue, ids: ReadonlySet<number>): Queue {
  return tidy({ ...queue, waiting: queue.waiting.filter(({ id }) => !ids.has(id)) });
}

/** Requests whose deadline is not after `now`. */
export function overdue({ waiting }: Queue, now: number): number[] {
  return waiting.filter(({ deadline }) => deadline !== null && deadline <= now).map(({ id }) => id);
}

/**
 * Takes the next batch. If an exact request is next, the batch is that request whole (or, with `exactItems`, whole
 * exact requests up to that size); otherwise it has items of requests that are not exact, and exact ones keep their
 * turn for the next batch.
 *
 * @returns no slices if nothing waits
 */
export function takeBatch(queue: Queue, limits: BatchLimits): { batch: Batch; queue: Queue } {
  const taken = new Map<number, { from: number; count: number }>();
  const turns = new Map(queue.turns);
  const owners = byOwner(queue.waiting);
  let shares = queue.shares;
  let exact: boolean | undefined;
  let room = limits.maxItems;

  const remaining = ({ id, items, taken: before }: WaitingRequest) =>
    items - before - (taken.get(id)?.count ?? 0);
  while (owners.size > 0 && room > 0) {
    const { owner, requests, request } = next(owners, shares, turns);
    if (exact === undefined) {
      exact = request.exact;
      if (exact) room = Math.max(limits.exactItems ?? 0, request.items);
    }
    const count = exact ? request.items : 1;
    if (request.exact !== exact || count > room) {
      // Its turn comes first in a batch of its own kind.
      owners.delete(owner);
      continue;
    }
    const slice = taken.get(request.id) ?? { from: request.taken, count: 0 };
    taken.set(request.id, { ...slice, count: slice.count + count });
    shares = charge(shares, owner, price(request));
    turns.set(owner, (turns.get(owner) ?? 0) + 1);
    // An exact request alone takes the whole run, whatever the limits.
    room = exact && limits.exactItems === null ? 0 : room - count;
    if (remaining(request) === 0) {
      requests.splice(requests.indexOf(request), 1);
      if (requests.length === 0) owners.delete(owner);
    }
  }
  const waiting = queue.waiting.flatMap((request) => {
    const rest = remaining(request);
    return rest === 0 ? [] : [{ ...request, taken: request.items - rest }];
  });
  const slices = [...taken].map(([id, slice]) => ({ id, ...slice }));
  return { batch: { slices, exact: exact ?? false }, queue: tidy({ waiting, shares, turns }) };
}

/** What a turn costs the owner: 1 per item at the default priority. */
export function price({ priority, exact, items }: WaitingRequest): number {
  return ((exact ? items : 1) * Math.max(priority, 1)) / DEFAULT_PRIORITY;
}

function left({ items, taken }: WaitingRequest): number {
  return items - taken;
}

/** Smallest priority, earliest deadline, first come. */
function compare(a: WaitingRequest, b: WaitingRequest): number {
  return (
    a.priority - b.priority || compareDeadlines(a.deadline ?? Infinity, b.deadline ?? Infinity) || a.id - b.id
  );
}

function compareDeadlines(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function byOwner(waiting: readonly WaitingRequest[]): Map<string, WaitingRequest[]> {
  const owners = Map.groupBy(waiting, ({ owner }) => owner);
  for (const requests of owners.values()) requests.sort(compare);
  return owners;
}

/** Whose turn it is, and for which request. */
function next(
  owners: ReadonlyMap<string, WaitingRequest[]>,
  shares: Shares,
  turns: ReadonlyMap<string, number>,
): { owner: string; requests: WaitingRequest[]; request: WaitingRequest } {
  let best: Candidate | undefined;
  for (const [owner, requests] of owners) {
    const had = turns.get(owner) ?? 0;
    const request = had % OLDEST_EVERY === OLDEST_EVERY - 1 ? oldest(requests) : requests[0]!;
    const candidate = { owner, requests, request, had, tag: finishTag(shares, owner, price(request)) };
    if (best === undefined || order(candidate, best) < 0) best = candidate;
  }
  return best!;
}

interface Candidate {
  readonly owner: string;
  readonly requests: WaitingRequest[];
  readonly request: WaitingRequest;
  /** Turns that the owner has had since it began to wait. */
  readonly had: number;
  readonly tag: number;
}

/** At the same tag, who has just come goes before who was served while it was away. */
function order(a: Candidate, b: Candidate): number {
  return a.tag - b.tag || Math.min(a.had, 1) - Math.min(b.had, 1) || compare(a.request, b.request);
}

function oldest(requests: readonly WaitingRequest[]): WaitingRequest {
  return requests.reduce((a, b) => (a.id < b.id ? a : b));
}

/** Forgets owners who do not wait, as far as that changes nothing. */
function tidy(queue: Queue): Queue {
  const owners = new Set(queue.waiting.map(({ owner }) => owner));
  return {
    waiting: queue.waiting,
    shares: prune(queue.shares, (owner) => owners.has(owner)),
    turns: new Map([...queue.turns].filter(([owner]) => owners.has(owner))),
  };
}
