import { expect, test } from 'vitest';
import { charge, enter, finishTag, NO_SHARES, prune } from '../../../src/server/batching/fair-share.ts';

/** Serves whoever finishes first, `turns` times; all always wait. */
function serve(prices: Readonly<Record<string, number>>, turns: number): Record<string, number> {
  const names = Object.keys(prices);
  let shares = names.reduce(enter, NO_SHARES);
  const used = Object.fromEntries(names.map((name) => [name, 0]));
  for (let i = 0; i < turns; i++) {
    const tag = (name: string) => finishTag(shares, name, prices[name]!);
    const next = names.reduce((a, b) => (tag(b) < tag(a) ? b : a));
    shares = charge(shares, next, prices[next]!);
    used[next]! += prices[next]!;
  }
  return used;
}

test('all get the same amount, whatever their turns cost', () => {
  const { quick, slow } = serve({ quick: 5, slow: 100 }, 420);
  expect(Math.abs(quick! - slow!)).toBeLessThanOrEqual(100);
});

test('who comes late starts where the others are', () => {
  let shares = charge(enter(NO_SHARES, 'early'), 'early', 50);
  shares = enter(shares, 'late');
  expect(finishTag(shares, 'late', 1)).toBe(51);
});

test('who leaves and comes back does not lose what it owes', () => {
  const served = charge(charge(enter(NO_SHARES, 'a'), 'a', 10), 'a', 10);
  const behind = { ...served, virtualTime: 12 };
  expect(
    finishTag(
      enter(
        prune(behind, () => false),
        'a',
      ),
      'a',
      1,
    ),
  ).toBe(21);
});

test('those who owe nothing and do not wait are forgotten', () => {
  const shares = charge(enter(enter(NO_SHARES, 'a'), 'b'), 'b', 3);
  expect([...prune(shares, () => false).tags.keys()]).toEqual([]);
  expect([...prune(shares, (name) => name === 'a').tags.keys()]).toEqual(['a']);
});
