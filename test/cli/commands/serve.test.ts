import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeTinyModel } from '../../server/tiny-model.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  await writeTinyModel(dir, { id: 'tiny' });
});
afterEach(() => rm(dir, { recursive: true }));

function serve(...flags: string[]) {
  const child = spawn(process.execPath, [MAIN, 'serve', dir, '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // No GPU for the providers that would take one.
    env: { ...process.env, CUDA_VISIBLE_DEVICES: '', VK_DRIVER_FILES: '/nonexistent' },
  });
  return { child, exited: once(child, 'exit'), stderr: text(child.stderr) };
}

test.each(['cuda', 'webgpu'])(
  'without what %s needs it ends with 1 and says what to do',
  async (provider) => {
    const { exited, stderr } = serve('--provider', provider);
    expect((await exited)[0]).toBe(1);
    // The log writes beside it, before or after.
    expect((await stderr).split('\n')).toContainEqual(
      expect.stringMatching(
        new RegExp(`^cairn: can't run on ${provider}: .* \\(docs/serving.md, "Execution providers"\\)$`),
      ),
    );
  },
);

test('a provider that onnxruntime does not know is a wrong flag', async () => {
  const { exited, stderr } = serve('--provider', 'gpu');
  expect((await exited)[0]).toBe(2);
  expect(await stderr).toMatch(/'gpu' is invalid. Allowed choices are cpu, cuda, tensorrt, webgpu/);
});

test('takes every flag of its engines and batches, and Ctrl-C to the whole group ends it with nothing left', async () => {
  const child = spawn(
    process.execPath,
    [
      ...[MAIN, 'serve', dir, '--port', '0', '--provider', 'cpu', '--threads', '1', '--engines', '2'],
      ...['--run-timeout', '9', '--no-arena', '--no-watch', '--max-batch', '4', '--batch-window', '1.5'],
      ...['--max-queue', '8', '--exact-batch', '2', '--device', '0', '--log', 'json'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  );
  const exited = once(child, 'exit');
  let heard = '';
  for await (const piece of child.stdout) {
    heard += piece;
    if (heard.includes('Ctrl-C stops')) break;
  }
  expect(heard).toMatch(/Serving tiny, tiny-classifier, tiny-guided on http/);
  process.kill(-child.pid!, 'SIGINT');
  expect((await exited)[0]).toBe(0);
  expect(() => process.kill(-child.pid!, 0)).toThrow('ESRCH');
});
