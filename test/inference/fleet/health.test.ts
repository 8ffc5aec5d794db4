import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { BackendError, type BackendErrorKind } from '../../../src/inference/backend.ts';
import { Health } from '../../../src/inference/fleet/health.ts';

/** Without jitter. */
const EVEN = () => 0.5;

let health: Health;
beforeEach(() => {
  health = new Health(EVEN);
});

function error(kind: BackendErrorKind = 'unavailable', retryAfter?: number): BackendError {
  return new BackendError(kind, `it was ${kind}`, retryAfter === undefined ? {} : { retryAfter });
}

describe('a backend is ejected', () => {
  test.each<[BackendErrorKind, number, number]>([
    ['unavailable', 3, 1_000],
    ['invalid_response', 3, 1_000],
    ['timeout', 1, 1_000],
    ['unauthorized', 1, 30_000],
    ['unknown_model', 1, 30_000],
    ['wrong_model', 1, 30_000],
    ['rejected', 1, 30_000],
  ])('for "%s" after %i in a row, for %i ms', (kind, failures, ms) => {
    for (let i = 1; i < failures; i++) {
      expect(health.failed(error(kind), 0, false)).toBeNull();
      expect(health.standing(0)).toBe('healthy');
    }
    expect(health.failed(error(kind), 0, false)).toBe(ms);
    expect(health.standing(ms - 1)).toBe('ejected');
    expect(health.standing(ms)).toBe('due');
    expect(health.error?.kind).toBe(kind);
  });

  test('not while successes come in between', () => {
    for (let i = 0; i < 10; i++) {
      health.failed(error(), 0, false);
      health.failed(error(), 0, false);
      health.succeeded();
    }
    expect(health.standing(0)).toBe('healthy');
  });

  test('once for all the calls that were under way', () => {
    const ejections = Array.from({ length: 16 }, () => health.failed(error(), 0, false));
    expect(ejections.filter((ms) => ms !== null)).toEqual([1_000]);
  });
});

describe('an ejected backend', () => {
  beforeEach(() => {
    health.failed(error('timeout'), 0, false);
  });

  test('is probed, then tried with one step, then back', () => {
    health.begin(6_000);
    expect(health.standing(1_000)).toBe('busy');
    health.probed();
    expect(health.standing(1_000)).toBe('on_trial');
    health.begin(31_000);
    expect(health.standing(1_000)).toBe('busy');
    expect(health.succeeded()).toBe(true);
    expect(health.standing(1_000)).toBe('healthy');
    expect(health.error).toBeNull();
  });

  test('stays out twice as long after each probe or trial that fails, up to a minute', () => {
    const times = [];
    for (let now = 1_000; times.length < 8; ) {
      health.begin(now + 5_000);
      const ms = health.failed(error(), now, true)!;
      expect(health.standing(now)).toBe('ejected');
      times.push(ms);
      now += ms;
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('whose probe never ends is probed again', () => {
    health.begin(6_000);
    expect(health.standing(5_999)).toBe('busy');
    expect(health.standing(6_000)).toBe('due');
  });

  test('whose trial was called off by its caller is tried again', () => {
    health.begin(6_000);
    health.calledOff();
    expect(health.standing(1_000)).toBe('on_trial');
  });
});

describe('Retry-After', () => {
  test('holds a backend and does not eject it', () => {
    for (let i = 0; i < 10; i++) expect(health.failed(error('unavailable', 7), 0, false)).toBeNull();
    expect(health.standing(6_999)).toBe('held');
    expect(health.standing(7_000)).toBe('healthy');
  });

  test('holds for a minute at most', () => {
    health.failed(error('unavailable', 86_400), 0, false);
    expect(health.standing(60_000)).toBe('healthy');
  });
});

test('many isolates do not probe at once', () => {
  const times = [0, 0.25, 0.999].map((draw) => new Health(() => draw).failed(error('timeout'), 0, false));
  expect(times).toEqual([800, 900, expect.closeTo(1_199.6)]);
});

test('whatever happens, a backend that answers again is healthy, and one that does not is never out for ever', () => {
  const event = fc.constantFrom('fail', 'fail trial', 'begin', 'probed', 'called off', 'hold');
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(20_000)), { maxLength: 40 }), (events) => {
      const subject = new Health(EVEN);
      let now = 0;
      for (const [what, ms] of events) {
        now += ms;
        if (what === 'fail') subject.failed(error('timeout'), now, false);
        if (what === 'fail trial') subject.failed(error(), now, true);
        if (what === 'begin') subject.begin(now + 30_000);
        if (what === 'probed') subject.probed();
        if (what === 'called off') subject.calledOff();
        if (what === 'hold') subject.failed(error('unavailable', 30), now, false);
      }
      expect(['healthy', 'due', 'on_trial']).toContain(subject.standing(now + 60_000));
      subject.succeeded();
      expect(subject.standing(now)).toBe('healthy');
    }),
  );
});
