import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import { sampleStatus } from '../../src/functions/schemas/sample-response.ts';
import { STATES, STATES_TABLE, TERMINAL } from '../../src/functions/states.ts';
import { newTestAccount } from '../support/accounts.ts';
import { callBare, problemOf, spoil } from '../support/api.ts';

describe('the table of states', () => {
  it('has every state that answers have, and nothing follows a terminal one but a resumed failure', () => {
    expect(Object.keys(STATES)).toEqual(sampleStatus.options);
    expect(TERMINAL.filter((status) => STATES[status].next.length > 0)).toEqual(['failed']);
  });

  it('is in the description of the API', async () => {
    const document = (await (await callBare('/openapi.json')).json()) as { info: { description: string } };
    expect(document.info.description).toContain(STATES_TABLE);
  });
});

describe('taking up a failed sample', () => {
  it('needs room among the jobs that are not over', async () => {
    const account = await newTestAccount({ activeJobs: 1 });
    await spoil({ fault: 'reject', times: 1 });
    const { id } = await account.create({ model: 'mnist-32', class: 3, steps: '4' });
    const get = async () => (await (await account.call(`/v1/samples/${id}`)).json()) as SampleResponse;
    await expect.poll(async () => (await get()).status, { timeout: 10_000 }).toBe('failed');
    const indexed = () =>
      env.DB.prepare('SELECT status FROM sample WHERE id = ?').bind(id).first<string>('status');
    await expect.poll(indexed, { timeout: 10_000 }).toBe('failed');
    await spoil({ fault: 'slow', ms: 500 });
    const other = await account.create({ model: 'mnist-32', class: 3, steps: '50' });
    const refused = await account.call(`/v1/samples/${id}/resume`, { method: 'POST' });
    expect((await problemOf(refused)).quota).toMatchObject({ name: 'active_jobs', limit: 1, used: 1 });
    await account.call(`/v1/samples/${other.id}/cancel`, { method: 'POST' });
    await spoil({ fault: null });
    await expect
      .poll(async () => (await account.call(`/v1/samples/${id}/resume`, { method: 'POST' })).status, {
        timeout: 10_000,
      })
      .toBe(200);
    await expect.poll(async () => (await get()).status, { timeout: 10_000 }).toBe('succeeded');
    await expect.poll(indexed, { timeout: 10_000 }).toBe('succeeded');
  });
});
