/** What onnxruntime leaves behind when our code runs it: nothing. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const RUN = `
  const { InferenceSession } = await import('${resolve('src/onnx/onnxruntime.ts')}');
  await InferenceSession.create('${resolve('models/mnist-32/classifier.onnx')}');
`;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'cairn-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test('it writes no identifier of the machine and keeps no events', async () => {
  // A home of its own, and nothing of what onnxruntime takes for CI, where it is silent anyway.
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home };
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', RUN], { env });
  expect(await readdir(home, { recursive: true })).toEqual([]);
});
