import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { app } from '../../../src/functions/app.ts';
import { newTestAccount } from '../../support/accounts.ts';

async function logged(path: string, init?: RequestInit) {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const request = new Request(`https://cairn.test${path}`, init);
  const answer = await app.fetch(request, { ...env, REQUEST_LOG: 'on' }, createExecutionContext());
  expect(log).toHaveBeenCalledOnce();
  const line = String(log.mock.calls[0]![0]);
  log.mockRestore();
  return { answer, line, entry: JSON.parse(line) };
}

describe('the line of a request', () => {
  it('names request, route, status, account, key and sample', async () => {
    const account = await newTestAccount();
    const { answer, entry } = await logged('/v1/samples', {
      method: 'POST',
      headers: { Authorization: account.bearer, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'mnist-32', class: 3, steps: 2 }),
    });
    expect(entry).toMatchObject({
      ...{ event: 'request', method: 'POST', route: '/v1/samples', status: 202, account: account.id },
      request: answer.headers.get('X-Request-Id'),
      key: expect.stringMatching(/^key_/),
      sample: answer.headers.get('Location')!.split('/').at(-1),
    });
    expect(entry.ms).toBeGreaterThanOrEqual(0);
  });

  it('is there for requests that fail, with the route and not the path', async () => {
    const account = await newTestAccount();
    const path = '/v1/samples/smp_00000000000000000000000000/images/0.png?expires=1&signature=secret';
    const { entry, line } = await logged(path, { headers: { Authorization: account.bearer } });
    expect(entry).toMatchObject({ route: '/v1/samples/:id/images/:image', status: 404 });
    expect(entry.sample).toBe('smp_00000000000000000000000000');
    expect(line).not.toContain('secret');
    expect(line).not.toContain(account.bearer.split(' ')[1]);
    expect((await logged('/v1/models')).entry).toMatchObject({ status: 401, account: null });
  });
});

describe('answers of the API', () => {
  it('carry the request id, security headers, and are not to be kept', async () => {
    const account = await newTestAccount();
    const { headers } = await account.call('/v1/models', { headers: { 'X-Request-Id': 'mine-1' } });
    expect(headers.get('X-Request-Id')).toBe('mine-1');
    expect(headers.get('Cache-Control')).toBe('no-store');
    expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(headers.get('Strict-Transport-Security')).toMatch(/^max-age=\d+/);
    const refused = await account.call('/v1/nothing');
    expect(refused.headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(refused.headers.get('Cache-Control')).toBe('no-store');
  });
});
