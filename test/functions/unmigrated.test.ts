/** A database that is older than the code, as between a deployment and its migrations. */
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it, vi } from 'vitest';
import { app } from '../../src/functions/app.ts';
import { isUnmigrated } from '../../src/store/unmigrated.ts';
import { API_KEY, problemOf } from '../support/api.ts';

/** Of the test's configuration: without any table. */
const { EMPTY_DB } = env as unknown as { EMPTY_DB: D1Database };

it('is a reason to come back soon, not a fault, and stands in the log', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  const request = new Request('https://cairn.test/v1/models', {
    headers: { Authorization: `Bearer ${API_KEY}x` }, // one that no other test has made known
  });
  const answer = await app.fetch(request, { ...env, DB: EMPTY_DB }, createExecutionContext());
  const logged = log.mock.calls.join();
  log.mockRestore();
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '1']);
  expect(await problemOf(answer)).toMatchObject({
    type: '/problems/unavailable',
    detail: 'the database waits for its migrations',
  });
  expect(logged).toMatch('no such table');
});

it.each([
  ['a column that is missing is read', 'SELECT newer FROM older'],
  ['a column that is missing is written', 'INSERT INTO older (newer) VALUES (1)'],
])('is told when %s', async (_, query) => {
  await EMPTY_DB.exec('CREATE TABLE IF NOT EXISTS older (id)');
  const failed = await EMPTY_DB.prepare(query)
    .run()
    .catch((error: unknown) => error);
  expect(isUnmigrated(failed)).toBe(true);
});

it('is not what a query means that no database would take', async () => {
  const failed = await EMPTY_DB.prepare('SELECT FROM')
    .run()
    .catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Error);
  expect(isUnmigrated(failed)).toBe(false);
});
