import { expect, test } from 'vitest';
import { Presence } from '../../../src/server/batching/presence.ts';

test('an owner wants what it had here at the same time, also in the moment between two steps', () => {
  const presence = new Presence();
  presence.came('small', 1);
  for (let i = 0; i < 3; i++) presence.came('large', 10);
  presence.ended('large', 10, 0);
  presence.ended('small', 1, 0);
  expect(presence.demands(500).toSorted()).toEqual([1, 30]);
});

test('who does not come back is forgotten', () => {
  const presence = new Presence();
  presence.came('a', 1);
  presence.ended('a', 1, 100);
  expect(presence.demands(601)).toEqual([]);
});

test('who comes back with less wants less', () => {
  const presence = new Presence();
  presence.came('a', 10);
  presence.ended('a', 10, 0);
  presence.came('a', 2);
  expect(presence.demands(0)).toEqual([2]);
});
