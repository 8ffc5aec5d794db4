import { describe, expect, it } from 'vitest';
import { DELIVERY_DELAYS, deliveryDelays, nextDelay } from '../../src/functions/webhooks/schedule.ts';
import { parseRetryAfter } from '../../src/retry-after.ts';

describe('the retry schedule', () => {
  it('waits the delay of the specification, give or take a tenth', () => {
    for (let failed = 1; failed < DELIVERY_DELAYS.length; failed++) {
      const delay = nextDelay(failed, DELIVERY_DELAYS, null)!;
      expect(delay).toBeGreaterThanOrEqual(DELIVERY_DELAYS[failed]! * 0.9);
      expect(delay).toBeLessThanOrEqual(Math.min(86_400, DELIVERY_DELAYS[failed]! * 1.1 + 1));
    }
  });

  it('ends after ten deliveries', () => {
    expect(nextDelay(9, DELIVERY_DELAYS, null)).not.toBeNull();
    expect(nextDelay(10, DELIVERY_DELAYS, null)).toBeNull();
  });

  it('waits longer when the receiver asks, but never more than a day', () => {
    expect(nextDelay(1, DELIVERY_DELAYS, 100)).toBe(100);
    expect(nextDelay(1, DELIVERY_DELAYS, 1e9)).toBe(86_400);
  });
});

describe("a deployment's own schedule", () => {
  it('takes the place of the specification, the first attempt aside', () => {
    expect(deliveryDelays('5, 300,86400')).toEqual([0, 5, 300, 86_400]);
    expect(deliveryDelays(undefined)).toBe(DELIVERY_DELAYS);
    expect(deliveryDelays(' ')).toBe(DELIVERY_DELAYS);
    expect(nextDelay(3, [0, 1, 1], null)).toBeNull();
  });

  it('is refused when it is no list of whole seconds, or longer than an endpoint may fail', () => {
    const wrong = [
      '5;300',
      '1,,2',
      '1.5',
      '-1',
      '86401',
      Array(21).fill('1').join(),
      Array(5).fill('86400').join(),
    ];
    for (const text of wrong) expect(() => deliveryDelays(text)).toThrow('WEBHOOK_RETRY_SECONDS is "');
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
