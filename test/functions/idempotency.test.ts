import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { newTestAccount } from '../support/accounts.ts';
import { callBare, jobStub, problemOf } from '../support/api.ts';

const BODY = { model: 'mnist-32', class: 3, steps: 4 };

async function send(account: Awaited<ReturnType<typeof newTestAccount>>, key: string, body: object = BODY) {
  const response = await account.call('/v1/samples', { body, headers: { 'Idempotency-Key': key } });
  return { response, sample: (await response.clone().json()) as SampleResponse };
}

describe('Idempotency-Key', () => {
  it('answers the same request with the same sample, and says that it is a replay', async () => {
    const account = await newTestAccount();
    const first = await send(account, 'a');
    const second = await send(account, '"a"', { steps: 4, class: 3, model: 'mnist-32' });
    expect(second.sample.id).toBe(first.sample.id);
    expect(second.sample.request.seed).toBe(first.sample.request.seed);
    expect(second.response.headers.get('Location')).toBe(`/v1/samples/${first.sample.id}`);
    expect(first.response.headers.get('Idempotent-Replayed')).toBeNull();
    expect(second.response.headers.get('Idempotent-Replayed')).toBe('true');
  });

  it('refuses another request under the same key', async () => {
    const account = await newTestAccount();
    const { sample } = await send(account, 'a');
    const { response } = await send(account, 'a', { ...BODY, class: 4 });
    expect(response.status).toBe(422);
    const problem = await problemOf(response);
    expect(problem.type).toBe('/problems/idempotency-key-reused');
    expect(problem.detail).toContain(sample.id);
  });

  it('keeps the keys of accounts apart', async () => {
    const [one, other] = [await newTestAccount(), await newTestAccount()];
    expect((await send(one, 'a')).sample.id).not.toBe((await send(other, 'a')).sample.id);
  });

  it('makes one sample of twenty requests at the same time, and counts it once', async () => {
    const account = await newTestAccount();
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(account, 'a')));
    expect(new Set(answers.map(({ sample }) => sample.id)).size).toBe(1);
    expect(new Set(answers.map(({ sample }) => sample.request.seed)).size).toBe(1);
    const use = await account.call('/v1/account');
    expect(await use.json()).toMatchObject({ quotas: { images_per_day: { used: 1 } } });
  });

  it('is finished by the second try when the first died before the job was made', async () => {
    const account = await newTestAccount();
    const get = vi.spyOn(env.JOBS, 'get').mockImplementation(() => {
      throw new Error('the process dies');
    });
    const died = await account.call('/v1/samples', { body: BODY, headers: { 'Idempotency-Key': 'a' } });
    get.mockRestore();
    expect(died.status).toBe(503);
    const row = await env.DB.prepare('SELECT sample FROM idempotency_key WHERE account = ?').bind(account.id);
    const left = await row.first<string>('sample');
    expect(await jobStub(left!).read()).toBeNull();
    const { response, sample } = await send(account, 'a');
    expect(response.status).toBe(202);
    expect(sample.id).toBe(left);
  });

  it('forgets a key after a day', async () => {
    const account = await newTestAccount();
    const { sample } = await send(account, 'a');
    await env.DB.prepare('UPDATE idempotency_key SET expires_at = ? WHERE account = ?')
      .bind(Date.now() - 1, account.id)
      .run();
    expect((await send(account, 'a')).sample.id).not.toBe(sample.id);
  });

  it('says what a key looks like', async () => {
    const account = await newTestAccount();
    for (const key of ['', '""', 'a b', 'x'.repeat(256)]) {
      const { response } = await send(account, key);
      expect([key, response.status]).toEqual([key, 400]);
    }
  });

  it('takes any body where none is read, and knows it again', async () => {
    const account = await newTestAccount();
    const { id } = await account.create(BODY, { Prefer: 'wait=30' });
    const headers = { Authorization: account.bearer, 'Content-Type': 'application/json' };
    for (const body of ['{', '['.repeat(30_000) + ']'.repeat(30_000)]) {
      const replay = () =>
        callBare(`/v1/samples/${id}/replay`, {
          method: 'POST',
          headers: { ...headers, 'Idempotency-Key': `key-${body.length}` },
          body,
        });
      const [first, second] = [await replay(), await replay()];
      expect([first.status, second.status]).toEqual([202, 202]);
      expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    }
  });
});
