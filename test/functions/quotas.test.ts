import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import type { OwnAccountResponse } from '../../src/functions/schemas/account.ts';
import { callAs, newTestAccount, type TestAccount } from '../support/accounts.ts';
import { ADMIN_TOKEN, API_KEY, jobStub, problemOf, spoil } from '../support/api.ts';

afterEach(() => spoil({ fault: null }));

const BODY = { model: 'mnist-32', class: 3, steps: 4 };

function sendAtOnce(account: TestAccount, times: number, body: object = BODY): Promise<Response[]> {
  return Promise.all(Array.from({ length: times }, () => account.call('/v1/samples', { body })));
}

async function quotasOf(account: TestAccount): Promise<OwnAccountResponse['quotas']> {
  const response = await account.call('/v1/account');
  return ((await response.json()) as OwnAccountResponse).quotas;
}

describe('quotas', () => {
  it('admit exactly as many images a day as the account has, of thirty requests at once', async () => {
    const account = await newTestAccount({ imagesPerDay: 10 });
    const answers = await sendAtOnce(account, 30);
    expect(answers.filter(({ status }) => status === 202).length).toBe(10);
    const [refused] = answers.filter(({ status }) => status === 429);
    const midnight = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T00:00:00.000Z`;
    expect(Number(refused!.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(await problemOf(refused!)).toMatchObject({
      type: '/problems/quota-exceeded',
      quota: { name: 'images_per_day', limit: 10, used: 10, requested: 1, resets_at: midnight },
    });
    expect((await quotasOf(account)).images_per_day).toEqual({ limit: 10, used: 10, resets_at: midnight });
  });

  it('count images times steps', async () => {
    const account = await newTestAccount({ imageStepsPerDay: 20 });
    expect((await account.call('/v1/samples', { body: { ...BODY, count: 3 } })).status).toBe(202);
    const refused = await account.call('/v1/samples', { body: { ...BODY, count: 3 } });
    expect((await problemOf(refused)).quota).toMatchObject({
      name: 'image_steps_per_day',
      used: 12,
      requested: 12,
    });
    expect((await account.call('/v1/samples', { body: { ...BODY, count: 2 } })).status).toBe(202);
  });

  it('hold exactly as many jobs that are not over, of thirty requests at once, and one that ends makes room', async () => {
    await spoil({ fault: 'hang' });
    const account = await newTestAccount({ activeJobs: 10 });
    const answers = await sendAtOnce(account, 30);
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length).toBe(10);
    const refused = answers.find(({ status }) => status === 429)!;
    expect((await problemOf(refused)).quota).toMatchObject({
      name: 'active_jobs',
      limit: 10,
      resets_at: null,
    });
    await account.call(`${accepted[0]!.headers.get('Location')}/cancel`, { method: 'POST' });
    await expect.poll(async () => (await quotasOf(account)).active_jobs.used, { timeout: 10_000 }).toBe(9);
    expect((await sendAtOnce(account, 5)).filter(({ status }) => status === 202).length).toBe(1);
  });

  it('refuse no request that is replayed', async () => {
    const account = await newTestAccount({ imagesPerDay: 1 });
    const headers = { 'Idempotency-Key': 'a' };
    const { id } = await account.create(BODY, headers);
    expect((await account.create(BODY, headers)).id).toBe(id);
    expect((await account.call('/v1/samples', { body: BODY })).status).toBe(429);
  });

  it('give back what a request took that died before its job was made', async () => {
    const account = await newTestAccount({ activeJobs: 1, imagesPerDay: 2 });
    const { id } = await account.create({ ...BODY, count: 2 });
    await expect.poll(() => versionOf(id), { timeout: 10_000 }).toBeGreaterThan(0);
    await env.DB.prepare('UPDATE sample SET version = 0, finished_at = NULL, created_at = ? WHERE id = ?')
      .bind(Date.now() - 3_600_000, id)
      .run();
    const sameDay = new Date(Date.now() - 3_600_000).getUTCDate() === new Date().getUTCDate();
    expect((await account.call('/v1/samples', { body: BODY })).status).toBe(sameDay ? 202 : 429);
    expect(await versionOf(id)).toBeNull();
  });

  it('are set for an account by the operator alone, and null is as the deployment says', async () => {
    const account = await newTestAccount();
    const set = (token: string, quotas: object) =>
      callAs(token, `/v1/accounts/${account.id}`, { method: 'PATCH', body: { quotas } });
    expect((await set(API_KEY, { images_per_day: 5 })).status).toBe(403);
    expect((await set(ADMIN_TOKEN, { images_per_day: 5, active_jobs: 3 })).status).toBe(200);
    expect((await set(ADMIN_TOKEN, { active_jobs: null })).status).toBe(200);
    const { images_per_day, active_jobs } = await quotasOf(account);
    expect([images_per_day.limit, active_jobs.limit]).toEqual([5, Number(env.QUOTA_ACTIVE_JOBS)]);
    expect((await set(ADMIN_TOKEN, { images: 5 })).status).toBe(422);
    expect(
      (await callAs(ADMIN_TOKEN, '/v1/accounts/acc_none', { method: 'PATCH', body: { quotas: {} } })).status,
    ).toBe(404);
  });
});

async function versionOf(id: string): Promise<number | null> {
  await jobStub(id).read();
  return env.DB.prepare('SELECT version FROM sample WHERE id = ?').bind(id).first<number>('version');
}
