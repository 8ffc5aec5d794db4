import { describe, expect, it } from 'vitest';
import type { SampleListResponse } from '../../src/functions/schemas/sample-list.ts';
import { newTestAccount, type TestAccount } from '../support/accounts.ts';
import { problemOf } from '../support/api.ts';

const BODY = { model: 'mnist-32', class: 3, steps: 2 };

async function list(account: TestAccount, query = ''): Promise<SampleListResponse> {
  const response = await account.call(`/v1/samples${query}`);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

async function several(account: TestAccount, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.unshift((await account.create(BODY)).id);
  return ids;
}

const idsOf = ({ data }: SampleListResponse) => data.map(({ id }) => id);

describe('the list of samples', () => {
  it('pages through all of them, each once, although new ones come in between', async () => {
    const account = await newTestAccount();
    const ids = await several(account, 5);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: SampleListResponse = await list(account, `?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...idsOf(page));
      cursor = page.next_cursor;
      await account.create(BODY);
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
  });

  it('shows what each is, newest first', async () => {
    const account = await newTestAccount();
    await account.create(BODY);
    const { id, created_at } = await account.create({
      ...BODY,
      count: 2,
      metadata: { order: 'A-1' },
      priority: 'low',
    });
    const [newest] = (await list(account)).data;
    expect(newest).toMatchObject({
      ...{ id, kind: 'sample', model: 'mnist-32', count: 2, steps: 2, priority: 'low' },
      metadata: { order: 'A-1' },
      created_at,
      url: `https://cairn.test/v1/samples/${id}`,
    });
  });

  it('filters by status, which follows the job to its end', async () => {
    const account = await newTestAccount();
    const [id] = await several(account, 1);
    await expect
      .poll(async () => idsOf(await list(account, '?status=succeeded,failed')), { timeout: 20_000 })
      .toEqual([id]);
    expect(idsOf(await list(account, '?status=queued,running'))).toEqual([]);
  });

  it('filters by model and time', async () => {
    const account = await newTestAccount();
    const [id] = await several(account, 1);
    const { created_at } = (await list(account)).data[0]!;
    const earlier = new Date(Date.parse(created_at) - 1).toISOString();
    expect(idsOf(await list(account, `?created_after=${earlier}`))).toEqual([id]);
    expect(idsOf(await list(account, `?created_after=${created_at}`))).toEqual([]);
    expect(idsOf(await list(account, `?created_before=${earlier}`))).toEqual([]);
    expect(idsOf(await list(account, '?model=mnist-32'))).toEqual([id]);
    expect(idsOf(await list(account, '?model=other'))).toEqual([]);
  });

  it("never shows another account's", async () => {
    const [one, other] = [await newTestAccount(), await newTestAccount()];
    const [id] = await several(one, 1);
    const others = await several(other, 2);
    expect(idsOf(await list(other))).toEqual(others);
    const { next_cursor } = await list(other, '?limit=1');
    expect(idsOf(await list(one, `?cursor=${next_cursor}`))).toEqual([id]); // a place in time, not a capability
    expect(idsOf(await list(one))).toEqual([id]);
  });

  it.each([
    ['cursor=abc', '?cursor'],
    ['cursor=%00', '?cursor'],
    ['status=done', '?status'],
    ['limit=0', '?limit'],
    ['limit=1000', '?limit'],
    ['limit=x', '?limit'],
    ['created_after=yesterday', '?created_after'],
    ['create_after=2026-01-01T00:00:00Z', '?create_after'],
  ])('refuses %s by name', async (query, pointer) => {
    const account = await newTestAccount();
    const response = await account.call(`/v1/samples?${query}`);
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors?.map((error) => error.pointer)).toEqual([pointer]);
  });
});

describe('metadata', () => {
  it.each([
    ['a number', { a: 1 }],
    ['a long name', { ['x'.repeat(41)]: '' }],
    ['a long value', { a: 'x'.repeat(501) }],
    ['too many', Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, '']))],
    ['the name of the prototype', JSON.parse('{"__proto__": "x"}')],
    ['text', 'notes'],
  ])('refuses %s', async (_what, metadata) => {
    const account = await newTestAccount();
    const response = await account.call('/v1/samples', { body: { ...BODY, metadata } });
    expect(response.status).toBe(422);
    expect((await problemOf(response)).detail).toContain('/metadata');
  });

  it('comes back as it was given', async () => {
    const account = await newTestAccount();
    const metadata = { order: 'A-1029', 'mit Umlaut ä': '🪨', constructor: 'x' };
    expect((await account.create({ ...BODY, metadata })).metadata).toEqual(metadata);
  });
});
