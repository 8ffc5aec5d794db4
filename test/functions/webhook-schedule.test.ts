import { describe, expect, it } from 'vitest';
import { DELIVERY_DELAYS, nextDelay } from '../../src/functions/webhooks/schedule.ts';
import { parseRetryAfter } from '../../src/retry-after.ts';

describe('the retry schedule', () => {
  it('waits the delay of the specification, give or take a tenth', () => {
    for (let failed = 1; failed < DELIVERY_DELAYS.length; failed++) {
      const delay = nextDelay(failed, null)!;
      expect(delay).toBeGreaterThanOrEqual(DELIVERY_DELAYS[failed]! * 0.9);
      expect(delay).toBeLessThanOrEqual(Math.min(86_400, DELIVERY_DELAYS[failed]! * 1.1 + 1));
    }
  });

  it('ends after ten deliveries', () => {
    expect(nextDelay(9, null)).not.toBeNull();
    expect(nextDelay(10, null)).toBeNull();
  });

  it('waits longer when the receiver asks, but never more than a day', () => {
    expect(nextDelay(1, 100)).toBe(100);
    expect(nextDelay(1, 1e9)).toBe(86_400);
  });
});

describe('Retry-After', () => {
  it('is a number of seconds or a date', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(parseRetryAfter('120', now)).toBe(120);
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60);
    expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
    expect(parseRetryAfter('soon', now)).toBeUndefined();
    expect(parseRetryAfter(null, now)).toBeUndefined();
  });
});
