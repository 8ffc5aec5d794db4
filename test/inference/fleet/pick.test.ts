import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Load, pick } from '../../../src/inference/fleet/pick.ts';

const load: fc.Arbitrary<Load> = fc.record({
  weight: fc.double({ min: 0.01, max: 1000, noNaN: true }),
  inFlight: fc.integer({ min: 0, max: 10_000 }),
  msPerImage: fc.option(fc.double({ min: 0, max: 60_000, noNaN: true })),
});
const loads = fc.array(load, { minLength: 1, maxLength: 12 });
const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
  minLength: 2,
  maxLength: 2,
});

/** Uniform draws, the same every time (mulberry32). */
function sameDraws(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function drawer(values: readonly number[]): () => number {
  let i = 0;
  return () => values[i++ % values.length]!;
}

/** Counts of 2000 picks. */
function tally(backends: readonly Load[], images = 1): number[] {
  const random = sameDraws();
  const counts = backends.map(() => 0);
  for (let i = 0; i < 2000; i++) counts[pick(backends, images, random)]!++;
  return counts;
}

const calm: Load = { weight: 1, inFlight: 0, msPerImage: 10 };

describe('a pick', () => {
  test('is one of the backends, whatever is known of them and whatever is drawn', () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 1, max: 64 }), draws, (backends, images, drawn) => {
        expect(backends[pick(backends, images, drawer(drawn))]).toBeDefined();
      }),
    );
  });

  test('is never one that another of the two drawn would beat in every respect', () => {
    fc.assert(
      fc.property(loads, draws, fc.integer({ min: 1, max: 64 }), (backends, drawn, images) => {
        const best: Load = { weight: 1001, inFlight: 0, msPerImage: 0 };
        const worst: Load = { weight: 0.001, inFlight: 20_000, msPerImage: 60_001 };
        expect(pick([best, worst], images, drawer(drawn))).toBe(0);
        expect(pick([worst, best], images, drawer(drawn))).toBe(1);
        // Among more than two the worst needs to be drawn twice to be picked, and it is drawn once at most.
        expect(pick([...backends, worst], images, drawer(drawn))).not.toBe(backends.length);
      }),
    );
  });

  test('comes to every one of equal backends about as often', () => {
    for (const count of tally([calm, calm, calm, calm])) expect(count).toBeGreaterThan(400);
  });

  test('falls more often on the faster, the idler, the heavier', () => {
    const others = [calm, calm, calm];
    const favourites = [
      { ...calm, msPerImage: 2 },
      { ...calm, weight: 3 },
    ];
    for (const favourite of favourites) expect(tally([favourite, ...others])[0]).toBeGreaterThan(900);
    const busy = { ...calm, inFlight: 8 };
    expect(tally([calm, busy, busy, busy])[0]).toBeGreaterThan(900);
  });

  test('gives one that nothing is known of a share, and not everything', () => {
    const newcomer = { ...calm, msPerImage: null };
    const [share] = tally([newcomer, calm, calm, calm]);
    expect(share).toBeGreaterThan(400);
    expect(share).toBeLessThan(1200);
    expect(tally([{ ...newcomer, inFlight: 50 }, calm])).toEqual([0, 2000]);
  });
});

describe('over time', () => {
  /** Steps come one after another while `concurrency` are under way; each takes its backend's time per image. */
  function simulate(
    speeds: readonly { readonly ms: number; readonly weight: number }[],
    concurrency: number,
  ): number[] {
    const random = sameDraws();
    const inFlight = speeds.map(() => 0);
    const counts = speeds.map(() => 0);
    const ends: { at: number; backend: number }[] = [];
    let now = 0;
    for (let step = 0; step < 3000; step++) {
      if (ends.length >= concurrency) {
        ends.sort((a, b) => b.at - a.at);
        const { at, backend } = ends.pop()!;
        now = at;
        inFlight[backend]!--;
      }
      const state = speeds.map(({ ms, weight }, i) => ({ weight, inFlight: inFlight[i]!, msPerImage: ms }));
      const chosen = pick(state, 1, random);
      inFlight[chosen]!++;
      counts[chosen]!++;
      ends.push({ at: now + speeds[chosen]!.ms, backend: chosen });
    }
    return counts;
  }

  test('a backend four times as fast takes about four times as many steps', () => {
    const [fast, slow] = simulate(
      [
        { ms: 10, weight: 1 },
        { ms: 40, weight: 1 },
      ],
      40,
    );
    expect(fast! / slow!).toBeGreaterThan(3);
    expect(fast! / slow!).toBeLessThan(20);
  });

  test('of equally fast ones the one with three times the weight has three times as much under way', () => {
    const [heavy, light] = simulate(
      [
        { ms: 10, weight: 3 },
        { ms: 10, weight: 1 },
      ],
      40,
    );
    expect(heavy! / light!).toBeGreaterThan(2.5);
    expect(heavy! / light!).toBeLessThan(3.5);
  });
});
