import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchTokens } from '../../../src/server/http/tokens.ts';
import { listLog } from '../log-lines.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cairn-tokens-'));
  file = join(dir, 'tokens');
});
afterEach(() => rm(dir, { recursive: true }));

const entries: Record<string, unknown>[] = [];
const watch = (tokens: string[], path?: string) => watchTokens({ tokens, file: path }, listLog(entries));

test('no token and no file is a server open to all', () => {
  expect(watch([])).toBeNull();
});

test('any of the tokens is accepted, and nothing near one', () => {
  const check = watch(['first', 'second'])!;
  expect(['first', 'second'].map((token) => check.accepts(token))).toEqual([true, true]);
  for (const token of ['', 'firs', 'first ', 'First', 'secondfirst'])
    expect(check.accepts(token)).toBe(false);
});

test('a file has one a line, beside those given otherwise, and is read again when it changes', async () => {
  await writeFile(file, '# of the old deployment\nold\n\nnew\r\n');
  const check = watch(['given'], file)!;
  expect(['given', 'old', 'new', '# of the old deployment'].map((t) => check.accepts(t))).toEqual([
    ...[true, true, true, false],
  ]);
  await writeFile(file, 'new\n');
  await expect.poll(() => check.accepts('old'), { timeout: 10_000 }).toBe(false);
  expect(check.accepts('new')).toBe(true);

  // Emptied by mistake, or half written: nobody is locked out, and the server does not open itself to all.
  await writeFile(file, '');
  await expect
    .poll(() => entries.at(-1), { timeout: 10_000 })
    .toMatchObject({
      ...{ message: 'kept the old tokens', reason: expect.stringMatching(/has no token/) },
    });
  expect([check.accepts('new'), check.accepts('')]).toEqual([true, false]);
  check.close();
});

test('what no header can carry is refused with its place', async () => {
  expect(() => watch(['fine', 'with space'])).toThrow(/token 2: a token has only letters, digits/);
  await writeFile(file, 'fine\nwith space\n');
  expect(() => watch([], file)).toThrow(/tokens, line 2: a token has only/);
  await writeFile(file, '# nothing\n');
  expect(() => watch([], file)).toThrow(/has no token; expected one a line/);
  expect(() => watch([], join(dir, 'missing'))).toThrow(/ENOENT/);
});
