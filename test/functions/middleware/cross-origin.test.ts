import { describe, expect, it } from 'vitest';
import { allowedOrigin } from '../../../src/functions/middleware/cross-origin.ts';
import { call, callBare } from '../../support/api.ts';

const SITE = 'https://app.example.com';

describe('CORS', () => {
  it('answers a preflight without a key', async () => {
    const answer = await callBare('/v1/samples', {
      method: 'OPTIONS',
      headers: { Origin: SITE, 'Access-Control-Request-Method': 'POST' },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(SITE);
    expect(answer.headers.get('Access-Control-Allow-Headers')).toMatch(/Authorization.*Idempotency-Key/);
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull();
  });

  it('lets a page of an allowed site read answers, their headers, and what went wrong', async () => {
    const read = await call('/v1/models', { headers: { Origin: SITE } });
    expect(read.headers.get('Access-Control-Allow-Origin')).toBe(SITE);
    expect(read.headers.get('Access-Control-Expose-Headers')).toMatch(/Location.*Retry-After.*X-Request-Id/);
    const refused = await callBare('/v1/models', { headers: { Origin: SITE } });
    expect([refused.status, refused.headers.get('Access-Control-Allow-Origin')]).toEqual([401, SITE]);
  });

  it('says nothing to other sites', async () => {
    const answer = await call('/v1/models', { headers: { Origin: 'https://app.example.com.evil.test' } });
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });

  it.each([
    ['https://a.test', undefined, null],
    ['https://a.test', '', null],
    ['https://a.test', '*', '*'],
    ['https://a.test', 'https://b.test, https://a.test/', 'https://a.test'],
    ['http://a.test', 'https://a.test', null],
    ['', 'https://a.test', null],
  ])('of %o with %o allowed: %o', (origin, allowed, expected) => {
    expect(allowedOrigin(origin, allowed)).toBe(expected);
  });
});
