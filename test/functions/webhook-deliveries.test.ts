import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type {
  WebhookDeliveryDetailResponse,
  WebhookDeliveryListResponse,
} from '../../src/functions/schemas/webhooks.ts';
import { LOG_DAYS, sweepWebhooks } from '../../src/functions/webhooks/sweep.ts';
import { newTestAccount } from '../support/accounts.ts';
import { type getSample, hookUrl, problemOf, received, SMALL_JOB } from '../support/api.ts';
import { attemptNow, deliveries, newEndpoint, waitForDeliveries } from '../support/webhooks.ts';

const JOB = { ...SMALL_JOB, steps: 2, keep_state: false };
const BASE = '/v1/webhook-deliveries';

describe('the log of deliveries', () => {
  it('has every attempt with its time, code, duration and result, and what was sent', async () => {
    const account = await newTestAccount();
    const endpoint = await newEndpoint(account, 'logged', { query: '?status=500,204' });
    const { id: sample } = await account.create(JOB);
    const [first] = await waitForDeliveries(account, '', (found) => found[0]?.attempts === 1);
    expect(first).toMatchObject({
      sample,
      endpoint: endpoint.id,
      url: endpoint.url,
      event: 'sample.succeeded',
      status: 'pending',
      last_result: 'HTTP 500',
      last_attempt: { status_code: 500, result: 'HTTP 500' },
    });
    expect(Date.parse(first!.next_attempt_at!) - Date.parse(first!.last_attempt!.at)).toBeGreaterThan(4_000);
    await attemptNow('account', account.id);
    const detail = await (await account.call(`${BASE}/${first!.id}`)).json<WebhookDeliveryDetailResponse>();
    expect(detail).toMatchObject({ status: 'delivered', attempts: 2, next_attempt_at: null });
    expect(detail.log.map(({ status_code }) => status_code)).toEqual([500, 204]);
    for (const { duration_ms, at } of detail.log) {
      expect(duration_ms).toBeGreaterThanOrEqual(0);
      expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
    }
    const [request] = await received('logged');
    expect(detail.body).toBe(request!.body);
    expect(detail.message_id).toBe(request!.headers['webhook-id']);
  });

  it('lists by endpoint, sample, status, event and time, page by page', async () => {
    const account = await newTestAccount();
    const good = await newEndpoint(account, 'listed-good');
    const bad = await newEndpoint(account, 'listed-bad', { query: '?status=410' });
    const samples = [await account.create(JOB), await account.create(JOB), await account.create(JOB)];
    const all = await waitForDeliveries(
      account,
      '',
      (found) => found.length === 6 && found.every(({ status }) => status !== 'pending'),
    );
    expect(await deliveries(account, `?endpoint=${good.id}`)).toHaveLength(3);
    expect(await deliveries(account, `?endpoint=${bad.id}&status=dead`)).toHaveLength(3);
    expect(await deliveries(account, `?sample=${samples[0]!.id}`)).toHaveLength(2);
    expect(await deliveries(account, '?status=delivered')).toHaveLength(3);
    expect(await deliveries(account, '?event=sample.failed')).toHaveLength(0);
    expect(await deliveries(account, `?since=${all[0]!.created_at}`)).toContainEqual(all[0]);
    expect(await deliveries(account, `?until=${all.at(-1)!.created_at}`)).toHaveLength(0);

    const paged: string[] = [];
    let cursor = '';
    do {
      const page = await account.call(`${BASE}?limit=4${cursor}`);
      const { data, next_cursor } = await page.json<WebhookDeliveryListResponse>();
      paged.push(...data.map(({ id }) => id));
      cursor = next_cursor === null ? '' : `&cursor=${next_cursor}`;
    } while (cursor !== '');
    expect(paged).toEqual(all.map(({ id }) => id));
  });

  it('refuses filters that it does not know', async () => {
    const account = await newTestAccount();
    for (const query of [
      '?status=lost',
      '?event=x',
      '?since=yesterday',
      '?cursor=abc',
      '?limit=0',
      '?foo=1',
    ]) {
      const response = await account.call(`${BASE}${query}`);
      expect(response.status, query).toBe(422);
    }
    const unknown = await account.call(`${BASE}/whd_00000000000000000000000000`);
    expect((await problemOf(unknown)).type).toBe('/problems/unknown-webhook-delivery');
  });
});

describe('redelivery', () => {
  it('of one sends the same id and bytes again, also after it has arrived', async () => {
    const account = await newTestAccount();
    await newEndpoint(account, 'again-one');
    await account.create(JOB);
    const [delivery] = await waitForDeliveries(account, '?status=delivered', (found) => found.length === 1);
    const response = await account.call(`${BASE}/${delivery!.id}/redeliver`, { method: 'POST' });
    expect(response.status).toBe(202);
    await expect.poll(() => received('again-one'), { timeout: 10_000 }).toHaveLength(2);
    const [first, second] = await received('again-one');
    expect(second!.body).toBe(first!.body);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    const other = await newTestAccount();
    expect((await other.call(`${BASE}/${delivery!.id}/redeliver`, { method: 'POST' })).status).toBe(404);
  });

  it('of a time range takes the dead letters in it, from the start of the schedule', async () => {
    const account = await newTestAccount();
    const { id: endpoint } = await newEndpoint(account, 'again-range', {
      query: `?status=${'500,'.repeat(20)}204`,
    });
    await account.create(JOB);
    await account.create(JOB);
    await waitForDeliveries(
      account,
      '',
      (found) => found.length === 2 && found.every(({ attempts }) => attempts === 1),
    );
    while ((await attemptNow('account', account.id)) > 0);
    const [newest, oldest] = await deliveries(account, '?status=dead');
    const after = { since: newest!.created_at, until: '2100-01-01T00:00:00Z', endpoint };
    const one = await account.call(`${BASE}/redeliver`, { body: after });
    const expected = newest!.created_at === oldest!.created_at ? 2 : 1;
    expect(await one.json()).toEqual({ redelivered: expected, more: false });
    await waitForDeliveries(account, '?status=pending', (found) => found.length === expected);
    expect((await deliveries(account, '?status=pending'))[0]!.attempts).toBeLessThanOrEqual(1);
    const backwards = { since: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' };
    expect((await account.call(`${BASE}/redeliver`, { body: backwards })).status).toBe(422);
    expect((await account.call(`${BASE}/redeliver`, { body: {} })).status).toBe(422);
  });

  it('of the URL of a sample shows with the sample', async () => {
    const account = await newTestAccount();
    const { id } = await account.create({
      ...JOB,
      webhook: { url: hookUrl('again-own', '?status=410,204') },
    });
    const [dead] = await waitForDeliveries(
      account,
      `?sample=${id}&status=dead`,
      (found) => found.length === 1,
    );
    expect(dead!.endpoint).toBeNull();
    await account.call(`${BASE}/${dead!.id}/redeliver`, { method: 'POST' });
    await waitForDeliveries(account, `?sample=${id}&status=delivered`, (found) => found.length === 1);
    const sample = await (await account.call(`/v1/samples/${id}`)).json<
      Awaited<ReturnType<typeof getSample>>
    >();
    expect(sample.webhook).toMatchObject({ status: 'delivered', last_result: 'HTTP 204' });
  });
});

describe('the sweep', () => {
  it('forgets messages after 30 days, unless something is still to be sent', async () => {
    const account = await newTestAccount();
    await newEndpoint(account, 'expired', { query: '?status=204,500' });
    const { id: old } = await account.create(JOB);
    await waitForDeliveries(account, '?status=delivered', (found) => found.length === 1);
    await account.create(JOB);
    await waitForDeliveries(account, '?status=pending', (found) => found[0]?.attempts === 1);
    const before = Date.now() - LOG_DAYS * 86_400_000;
    await env.DB.prepare('UPDATE webhook_message SET created_at = ? WHERE account = ?')
      .bind(before - 1, account.id)
      .run();
    await sweepWebhooks(env, Date.now());
    expect((await deliveries(account)).map(({ status }) => status)).toEqual(['pending']);
    for (const table of ['webhook_message', 'webhook_delivery']) {
      const left = await env.DB.prepare(`SELECT 1 FROM ${table} WHERE sample = ?`).bind(old).first();
      expect(left).toBeNull();
    }
    const orphans = await env.DB.prepare(
      'SELECT count(*) AS n FROM webhook_attempt WHERE delivery NOT IN (SELECT id FROM webhook_delivery)',
    ).first<number>('n');
    expect(orphans).toBe(0);
  });
});
