import { abortAllDurableObjects } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { waitOf } from '../../src/functions/prefer.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { newTestAccount } from '../support/accounts.ts';
import { spoil } from '../support/api.ts';

const BODY = { model: 'mnist-32', class: 3, steps: '4' };

afterEach(() => spoil({ fault: null }));

describe('Prefer: wait', () => {
  it('answers 201 with the finished sample', async () => {
    const account = await newTestAccount();
    const answer = await account.call('/v1/samples', { body: BODY, headers: { Prefer: 'wait=30' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('Preference-Applied')).toBe('wait=30');
    expect(((await answer.json()) as SampleResponse).status).toBe('succeeded');
  });

  it('answers 202 with the running sample when the wait is over', async () => {
    await spoil({ fault: 'slow', ms: 1_500 });
    const account = await newTestAccount();
    const startedAt = Date.now();
    const answer = await account.call('/v1/samples', { body: BODY, headers: { Prefer: 'wait=1' } });
    expect(answer.status).toBe(202);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(950);
    expect(answer.headers.get('Location')).toMatch(/^\/v1\/samples\/smp_/);
  });

  it('answers 200 when it waits for a sample that an earlier request made', async () => {
    const account = await newTestAccount();
    const headers = { 'Idempotency-Key': 'a' };
    await account.create(BODY, headers);
    const replay = await account.call('/v1/samples', {
      body: BODY,
      headers: { ...headers, Prefer: 'wait=30' },
    });
    expect(replay.status).toBe(200);
  });

  it('waits in a GET too, and for a cancelled job no longer than for any', async () => {
    await spoil({ fault: 'slow', ms: 1_500 });
    const account = await newTestAccount();
    const { id } = await account.create(BODY);
    const waiting = account.call(`/v1/samples/${id}`, { headers: { Prefer: 'wait=20' } });
    await scheduler.wait(300);
    await account.call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    expect(((await (await waiting).json()) as SampleResponse).status).toBe('canceled');
  });

  it('goes on when the object dies that held the wait', async () => {
    await spoil({ fault: 'slow', ms: 300 });
    const account = await newTestAccount();
    const waiting = account.call('/v1/samples', { body: BODY, headers: { Prefer: 'wait=40' } });
    await scheduler.wait(700);
    await abortAllDurableObjects();
    const answer = await waiting;
    expect(answer.status).toBe(201);
    expect(((await answer.json()) as SampleResponse).status).toBe('succeeded');
  });

  it('is no cancel when the client leaves', async () => {
    await spoil({ fault: 'slow', ms: 200 });
    const account = await newTestAccount();
    const leaving = new AbortController();
    const headers = { Prefer: 'wait=30', 'Idempotency-Key': 'a' };
    const left = account.call('/v1/samples', { body: BODY, headers, signal: leaving.signal });
    setTimeout(() => leaving.abort(), 400);
    await left.catch(() => {});
    const { id } = await account.create(BODY, { 'Idempotency-Key': 'a' });
    await expect
      .poll(async () => ((await (await account.call(`/v1/samples/${id}`)).json()) as SampleResponse).status, {
        timeout: 20_000,
      })
      .toBe('succeeded');
  });

  it.each([
    ['wait=10', 10],
    ['respond-async, wait=10', 10],
    ['WAIT = "10"; a=b', 10],
    ['wait=5, wait=7', 5],
    ['wait=100000', 60],
    ['wait=0', 0],
    ['wait=-1', null],
    ['wait=soon', null],
    ['await=5', null],
    ['', null],
    [undefined, null],
  ])('reads %o as %o', (header, seconds) => {
    expect(waitOf(header)).toBe(seconds);
  });
});
