import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { app } from '../../../src/functions/app.ts';
import { newTestAccount } from '../../support/accounts.ts';
import { call, problemOf } from '../../support/api.ts';

/** Of the test's configuration: three requests in a minute. */
const { TIGHT_LIMIT } = env as unknown as { TIGHT_LIMIT: RateLimit };

describe('rate limits', () => {
  it('say their policy with every answer', async () => {
    const read = await call('/v1/models');
    expect(read.headers.get('RateLimit-Policy')).toBe('"reads";q=1000000;w=60');
    const write = await call('/v1/samples', { method: 'POST' });
    expect(write.headers.get('RateLimit-Policy')).toBe('"writes";q=1000000;w=60');
    expect(read.headers.get('RateLimit')).toBeNull(); // the platform does not tell what is left
  });

  it('refuse a key that asks too often, count writes and reads apart, and leave other keys alone', async () => {
    const limited = { ...env, READ_LIMIT: TIGHT_LIMIT };
    const [one, other] = [await newTestAccount(), await newTestAccount()];
    const ask = (account: typeof one, method: string) =>
      app.fetch(
        new Request('https://cairn.test/v1/models', { method, headers: { Authorization: account.bearer } }),
        limited,
        createExecutionContext(),
      );
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await ask(one, 'GET'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    const refused = answers.at(-1)!;
    expect((await problemOf(refused)).type).toBe('/problems/rate-limited');
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect(refused.headers.get('RateLimit')).toBe('"reads";r=0;t=60');
    expect((await ask(one, 'POST')).status).toBe(405);
    expect((await ask(other, 'GET')).status).toBe(200);
  });

  it('are no more than a policy where nothing counts', async () => {
    const { bearer } = await newTestAccount();
    const { READ_LIMIT, ...without } = env;
    const answer = await app.fetch(
      new Request('https://cairn.test/v1/models', { headers: { Authorization: bearer } }),
      without,
      createExecutionContext(),
    );
    expect([READ_LIMIT !== undefined, answer.status]).toEqual([true, 200]);
    expect(answer.headers.get('RateLimit-Policy')).toBe('"reads";q=1000000;w=60');
  });

  it('let requests through while the limiter is away', async () => {
    const limit = vi.fn().mockRejectedValue(new Error('away'));
    const { bearer } = await newTestAccount();
    const answer = await app.fetch(
      new Request('https://cairn.test/v1/models', { headers: { Authorization: bearer } }),
      { ...env, READ_LIMIT: { limit } },
      createExecutionContext(),
    );
    expect(answer.status).toBe(200);
    expect(limit).toHaveBeenCalledOnce();
  });
});
