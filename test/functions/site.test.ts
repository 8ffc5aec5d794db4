import { expect, test } from 'vitest';
import { callBare, problemOf } from '../support/api.ts';

test.each([
  ['/', 'text/html'],
  ['/docs', 'text/html'],
  ['/docs/main.js', 'text/javascript'],
  ['/docs/main.css', 'text/css'],
  ['/playground/main.js', 'text/javascript'],
])('%s is there for everyone, with a policy that lets in nothing from elsewhere', async (path, type) => {
  const response = await callBare(path);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toContain(type);
  const policy = response.headers.get('Content-Security-Policy')!;
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toMatch(/https?:|\*|script-src[^;]*unsafe/);
  expect(response.headers.get('X-Request-Id')).toMatch(/./);
  await response.body?.cancel();
});

test('a page that is unchanged is not sent again', async () => {
  const first = await callBare('/docs/main.css');
  await first.body?.cancel();
  const again = await callBare('/docs/main.css', {
    headers: { 'If-None-Match': first.headers.get('ETag')! },
  });
  expect(again.status).toBe(304);
});

test('a file that no page has is a problem of the API', async () => {
  const response = await callBare('/docs/nothing.js');
  expect(response.status).toBe(404);
  expect(await problemOf(response)).toMatchObject({ type: '/problems/not-found' });
});
