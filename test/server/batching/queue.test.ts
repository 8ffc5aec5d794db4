import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Batch,
  type BatchLimits,
  EMPTY_QUEUE,
  enqueue,
  OLDEST_EVERY,
  overdue,
  type Queue,
  remove,
  takeBatch,
  type WaitingRequest,
  waitingItems,
} from '../../../src/server/batching/queue.ts';
import { DEFAULT_PRIORITY } from '../../../src/server/model-runner.ts';

type Asked = Omit<WaitingRequest, 'taken'>;

const asked = (id: number, options: Partial<Asked> = {}): Asked => ({
  ...{ id, owner: '', priority: DEFAULT_PRIORITY, deadline: null, exact: false, items: 1 },
  ...options,
});

const queueOf = (requests: readonly Asked[]) => requests.reduce(enqueue, EMPTY_QUEUE);

/** Takes batches until nothing waits. */
function drain(queue: Queue, limits: BatchLimits): Batch[] {
  const batches: Batch[] = [];
  for (let rest = queue; rest.waiting.length > 0; ) {
    const next = takeBatch(rest, limits);
    batches.push(next.batch);
    rest = next.queue;
  }
  return batches;
}

/** Ids of the items in the order in which they are chosen, one at a time. */
function turns(queue: Queue, count = Infinity): number[] {
  const order: number[] = [];
  for (let rest = queue; rest.waiting.length > 0 && order.length < count; ) {
    const next = takeBatch(rest, { maxItems: 1, exactItems: null });
    order.push(...next.batch.slices.map(({ id }) => id));
    rest = next.queue;
  }
  return order;
}

const arbitraryRequests = fc
  .array(
    fc.record({
      owner: fc.constantFrom('a', 'b', 'c', 'd'),
      priority: fc.constantFrom(1, 50, 100, 200),
      deadline: fc.option(fc.nat(1000)),
      exact: fc.boolean(),
      items: fc.integer({ min: 1, max: 9 }),
    }),
    { maxLength: 24 },
  )
  .map((requests) => requests.map((request, id) => ({ id, ...request })));

const arbitraryLimits = fc.record({
  maxItems: fc.integer({ min: 1, max: 12 }),
  exactItems: fc.option(fc.integer({ min: 1, max: 12 })),
});

describe('whatever comes, goes and is taken', () => {
  const commands = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('take' as const) }),
      fc.record({ do: fc.constant('remove' as const), id: fc.nat(24) }),
      fc.record({ do: fc.constant('add' as const) }),
    ),
    { maxLength: 60 },
  );

  test('each item is taken once, or removed, or still there, and a request in the order of its items', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryLimits, commands, (requests, limits, steps) => {
        const coming = [...requests];
        const here = new Map<number, { items: number; taken: number }>();
        let queue = EMPTY_QUEUE;
        for (const step of steps) {
          if (step.do === 'add') {
            const request = coming.shift();
            if (request === undefined) continue;
            queue = enqueue(queue, request);
            here.set(request.id, { items: request.items, taken: 0 });
          } else if (step.do === 'remove') {
            queue = remove(queue, new Set([step.id]));
            here.delete(step.id);
          } else {
            const next = takeBatch(queue, limits);
            queue = next.queue;
            for (const { id, from, count } of next.batch.slices) {
              const request = here.get(id)!;
              expect(from).toBe(request.taken);
              expect(count).toBeGreaterThan(0);
              request.taken += count;
              if (request.taken === request.items) here.delete(id);
            }
          }
          const left = [...here.values()].reduce((sum, { items, taken }) => sum + items - taken, 0);
          expect(waitingItems(queue)).toBe(left);
        }
      }),
    );
  });

  test('a batch has at most the items it may have, and as many as there are', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryLimits, (requests, limits) => {
        const plain = requests.map((request) => ({ ...request, exact: false }));
        const sizes = drain(queueOf(plain), limits).map(({ slices }) =>
          slices.reduce((sum, { count }) => sum + count, 0),
        );
        expect(sizes.slice(0, -1)).toEqual(sizes.slice(0, -1).fill(limits.maxItems));
        expect(sizes.at(-1) ?? 0).toBeLessThanOrEqual(limits.maxItems);
      }),
    );
  });

  test('an exact request runs whole and alone, or whole beside other exact ones in the size that is fixed', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryLimits, (requests, limits) => {
        for (const { slices, exact } of drain(queueOf(requests), limits)) {
          const members = slices.map(({ id }) => requests[id]!);
          expect(members.every((request) => request.exact === exact)).toBe(true);
          if (!exact) continue;
          expect(slices.every(({ count }, i) => count === members[i]?.items)).toBe(true);
          const size = slices.reduce((sum, { count }) => sum + count, 0);
          if (slices.length > 1) expect(size).toBeLessThanOrEqual(limits.exactItems ?? 0);
        }
      }),
    );
  });

  test('an empty queue remembers nobody for ever', () => {
    fc.assert(
      fc.property(arbitraryRequests, arbitraryLimits, (requests, limits) => {
        let queue = queueOf(requests);
        while (queue.waiting.length > 0) queue = takeBatch(queue, limits).queue;
        expect(queue.turns.size).toBe(0);
        expect(queue.shares.tags.size).toBe(0);
      }),
    );
  });
});

describe('between owners', () => {
  test('those who wait at the same time get the same number of turns, give or take one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }), {
          minLength: 2,
          maxLength: 6,
        }),
        (owners) => {
          const requests = owners.flatMap((sizes, owner) =>
            sizes.map((items) => ({ owner: String(owner), items })),
          );
          const queue = queueOf(requests.map((request, id) => asked(id, request)));
          const had = owners.map(() => 0);
          const all = owners.map((sizes) => sizes.reduce((a, b) => a + b, 0));
          for (const id of turns(queue)) {
            had[Number(requests[id]!.owner)]!++;
            const waiting = had.filter((count, owner) => count < all[owner]!);
            if (waiting.length > 1)
              expect(Math.max(...waiting) - Math.min(...waiting)).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test('one image beside 256 of another is in the next batch, however much has run before', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 2, max: 16 }), (before, maxItems) => {
        let queue = queueOf([asked(0, { owner: 'big', items: 256 })]);
        for (let ran = 0; ran < before; ran += maxItems) {
          queue = takeBatch(queue, { maxItems, exactItems: null }).queue;
        }
        const { batch } = takeBatch(enqueue(queue, asked(1, { owner: 'small' })), {
          maxItems,
          exactItems: null,
        });
        expect(batch.slices).toContainEqual({ id: 1, from: 0, count: 1 });
      }),
    );
  });

  test('who was away gains nothing by it', () => {
    // b had no turn while a had ten; now they take turns.
    let queue = queueOf([asked(0, { owner: 'a', items: 20 })]);
    for (let i = 0; i < 10; i++) queue = takeBatch(queue, { maxItems: 1, exactItems: null }).queue;
    queue = enqueue(queue, asked(1, { owner: 'b', items: 20 }));
    expect(turns(queue, 6).filter((id) => id === 1)).toHaveLength(3);
  });

  test('half the priority number is twice the turns', () => {
    const queue = queueOf([
      asked(0, { owner: 'a', items: 300, priority: 100 }),
      asked(1, { owner: 'b', items: 300, priority: 50 }),
    ]);
    expect(turns(queue, 300).filter((id) => id === 1)).toHaveLength(200);
  });

  test('urgent newcomers without end do not starve who waits', () => {
    let queue = queueOf([asked(0, { owner: 'patient', priority: 200 })]);
    let waited = 0;
    for (let id = 1; id < 100 && queue.waiting.some((request) => request.id === 0); id++) {
      queue = enqueue(queue, asked(id, { owner: `newcomer ${id}`, priority: 10, deadline: 1 }));
      queue = takeBatch(queue, { maxItems: 1, exactItems: null }).queue;
      waited++;
    }
    // Twenty of them cost as much as the one.
    expect(waited).toBeLessThanOrEqual(21);
  });

  test('an exact request costs its owner a turn for each of its images', () => {
    const exact = { owner: 'a', exact: true, items: 8 };
    const queue = queueOf([asked(0, exact), asked(1, exact), asked(2, { owner: 'b', items: 16 })]);
    expect(turns(queue)).toEqual([...Array(7).fill(2), 0, ...Array(8).fill(2), 1, 2]);
  });

  test('an exact request that found no place in a batch is the next one', () => {
    const queue = queueOf([
      asked(0, { owner: 'a' }),
      asked(1, { owner: 'b', exact: true }),
      asked(2, { owner: 'c', items: 2 }),
    ]);
    const batches = drain(queue, { maxItems: 2, exactItems: null });
    expect(batches.map(({ slices }) => slices.map(({ id }) => id))).toEqual([[0, 2], [1], [2]]);
  });

  test('exact requests up to the fixed size share a batch, and larger ones run alone', () => {
    const exact = (id: number, items: number) => asked(id, { owner: String(id), exact: true, items });
    const batches = drain(queueOf([exact(0, 2), exact(1, 3), exact(2, 2), exact(3, 9)]), {
      maxItems: 16,
      exactItems: 4,
    });
    expect(batches.map(({ slices }) => slices.map(({ id }) => id))).toEqual([[0, 2], [1], [3]]);
  });
});

describe('of one owner', () => {
  test('the smallest priority goes first, then the earliest deadline, then who came first', () => {
    const queue = queueOf([
      asked(0),
      asked(1, { deadline: 500 }),
      asked(2, { deadline: 400 }),
      asked(3, { priority: 50, deadline: 900 }),
      asked(4),
    ]);
    expect(turns(queue)).toEqual([3, 2, 1, 0, 4]);
  });

  test('every eighth turn goes to the oldest request, so that an urgent stream does not starve it', () => {
    let queue = queueOf([asked(0, { priority: 200 }), asked(1, { priority: 200 })]);
    const order: number[] = [];
    for (let id = 2; id < 2 * OLDEST_EVERY + 2; id++) {
      const next = takeBatch(enqueue(queue, asked(id, { priority: 1 })), { maxItems: 1, exactItems: null });
      order.push(...next.batch.slices.map((slice) => slice.id));
      queue = next.queue;
    }
    expect(order.indexOf(0)).toBe(OLDEST_EVERY - 1);
    expect(order.indexOf(1)).toBe(2 * OLDEST_EVERY - 1);
  });
});

test('a request is overdue from its deadline on', () => {
  const queue = queueOf([asked(0, { deadline: 10 }), asked(1), asked(2, { deadline: 11 })]);
  expect([9, 10, 11].map((now) => overdue(queue, now))).toEqual([[], [0], [0, 2]]);
});
