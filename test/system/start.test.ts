/** `npm start`: one owner per folder and port, a clean end, and nothing left behind however it ends. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from './free-port.ts';
import { type StartingCairn, startCairn, stopCairn } from './local-cairn.ts';
import { killStartedScripts } from './npm-script.ts';

let folder: string;
let port: number;
let cairn: StartingCairn;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-start-'));
  port = await freePort();
  cairn = startCairn({ data: join(folder, 'data'), port });
  await cairn.client();
});
afterAll(async () => {
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

test('prints a curl line that makes a sample, and nothing but its own lines', async () => {
  const [command] = await cairn.line(/curl .*/);
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `${command} --silent`]);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'queued', request: { classes: [3, 1, 4], seed: 7 } });
  expect(cairn.output().split('\n')).toHaveLength(6);
});

test('a port in use is one clear line', async () => {
  const second = startCairn({ data: join(folder, 'other'), port });
  expect(await second.exit()).toBe(1);
  expect(second.output()).toBe(
    `cairn: port ${port} is in use; choose another with --port, or 0 for any free one`,
  );
  expect(await second.survivors()).toEqual([]);
});

test('a data folder in use is one clear line', async () => {
  const second = startCairn({ data: join(folder, 'data'), port: 0 });
  expect(await second.exit()).toBe(1);
  expect(second.output()).toBe(
    `cairn: another Cairn is running with the data folder ${join(folder, 'data')}`,
  );
});

test('knows its samples after Ctrl-C and another start, and ends with exit code 0', async () => {
  const { id } = await (await cairn.client()).createSample({ model: 'mnist-32', class: 1, steps: 2 });
  expect(await stopCairn(cairn)).toBe(0);
  expect(await cairn.survivors()).toEqual([]);

  cairn = startCairn({ data: join(folder, 'data'), port });
  const client = await cairn.client();
  expect(await client.waitForSample(id)).toMatchObject({ id, status: 'succeeded' });
});

test('leaves no workerd behind when only the parent is killed', async () => {
  cairn.signal('SIGKILL');
  expect(await cairn.exit()).toBe(null);
  expect(await cairn.survivors()).toEqual([]);
});
