/** `npm run demo`: pictures, and nothing left behind, however it ends. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { killStartedScripts, runScript } from './npm-script.ts';

let folder: string;
let out: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-demo-test-'));
  out = join(folder, 'out');
});
afterEach(async () => {
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

/** Its temporary folder is made in ours, so that what it leaves there can be seen. */
function demo(...args: string[]) {
  return runScript('demo', ['--out', out, ...args], { TMPDIR: folder });
}

test('draws the classes it is asked for, says where, and leaves only the pictures', async () => {
  const script = demo('--class', '7,2', '--count', '3', '--steps', '4', '--seed', '5');
  expect(await script.exit()).toBe(0);
  expect(script.output()).toContain('Drawing 3 images of mnist-32, classes 7 2 (ddpm, 4 steps');
  expect(script.output()).toContain('step 4 of 4');
  expect(script.output()).toContain(`Wrote ${join(out, 'grid.png')} and 3 single images beside it`);
  expect(await script.survivors()).toEqual([]);
  expect(await readdir(folder)).toEqual(['out']);

  const images = ['image-0-class-7.png', 'image-1-class-2.png', 'image-2-class-7.png'];
  expect((await readdir(out)).sort()).toEqual(['grid.png', ...images]);
  for (const name of images) {
    expect(decode(await readFile(join(out, name)))).toMatchObject({ width: 32, height: 32, channels: 1 });
  }
});

test('the API has the last word on values: one line that names the flag, exit code 2', async () => {
  const script = demo('--class', '12');
  expect(await script.exit()).toBe(2);
  const lines = script.output().split('\n');
  expect(lines.filter((line) => line.startsWith('cairn: '))).toEqual([
    expect.stringMatching(/^cairn: --class: 12 is no class of mnist-32/),
  ]);
  expect(await script.survivors()).toEqual([]);
  expect(await readdir(folder)).toEqual(['out']);
});

test('Ctrl-C cancels the sample and stops everything', async () => {
  const script = demo('--steps', '500');
  await script.line(/step 1 of 500|step 0 of 500/);
  script.signalGroup('SIGINT');
  expect(await script.exit()).toBe(130);
  expect(script.output()).toMatch(/The sample is canceled at step \d+ of 500\./);
  expect(script.output()).toMatch(/cairn: interrupted$/);
  expect(await script.survivors()).toEqual([]);
  expect(await readdir(folder)).toEqual(['out']);
});
