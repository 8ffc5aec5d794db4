import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeTorchCheckpoint } from '../../../src/bench/torch-checkpoint.ts';
import { stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { bytesSource } from '../../../src/onnx/byte-source.ts';
import { replaceFolder } from '../../../src/onnx/convert/model-folder.ts';
import { loadRecipe } from '../../../src/onnx/convert/recipe.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-folder-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const fill = (content: string) =>
  replaceFolder(join(root, 'model'), (folder) => folder.write('a', Buffer.from(content)));
const content = () => readFileSync(join(root, 'model', 'a'), 'utf8');

/** The id of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid!;
}

/** Writes a checkpoint of 90 MB, wide enough to be caught in the middle, and a conversion of it in a process. */
async function startWideConversion(damage?: (checkpoint: Buffer) => void) {
  const recipe = await loadRecipe('mnist-32');
  const diffusion = { ...recipe.architecture.diffusion, model_channels: 96 };
  const checkpoint = join(root, 'wide.pt');
  writeTorchCheckpoint(checkpoint, stateDictOf(diffusion));
  if (damage) {
    const bytes = readFileSync(checkpoint);
    damage(bytes);
    writeFileSync(checkpoint, bytes);
  }
  await fill('old');
  const script = fileURLToPath(new URL('convert-process.ts', import.meta.url));
  const json = JSON.stringify({ ...recipe, architecture: { diffusion } });
  const child = spawn(process.execPath, [script, json, checkpoint, join(root, 'model')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const ended = new Promise<string>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? `${code}: ${said}`)),
  );
  return { child, ended };
}

it('leaves the old folder and nothing half-written when a conversion is killed', {
  timeout: 120_000,
}, async () => {
  const { child, ended } = await startWideConversion();
  await untilHalfWritten();
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  expect(content()).toBe('old');
  expect(readdirSync(root)).toHaveLength(3);
  await fill('new');
  expect(readdirSync(root).sort()).toEqual(['model', 'wide.pt']);
  expect(content()).toBe('new');
});

it('leaves the old folder alone, and ends by itself, when a byte of the checkpoint is damaged', {
  timeout: 120_000,
}, async () => {
  const { ended } = await startWideConversion((bytes) => {
    // In a record of the middle: the pickle is at the start, the directory at the end.
    bytes[(bytes.length / 2) | 0]! ^= 1;
  });
  expect(await ended).toMatch(
    /^1: .*wide\.pt: tensor \S+: record archive\/data\/\d+ is damaged: its checksum does not match/s,
  );
  expect(content()).toBe('old');
  expect(readdirSync(root).sort()).toEqual(['model', 'wide.pt']);
});

/** Until the hidden folder has a data file with something in it. */
async function untilHalfWritten(): Promise<void> {
  for (;;) {
    const hidden = readdirSync(root).find((name) => name.startsWith('.model-'));
    const [data] = hidden === undefined ? [] : readdirSync(join(root, hidden));
    if (data !== undefined && statSync(join(root, hidden!, data)).size > 0) return;
    await setTimeout(2);
  }
}

it('gives the old folder back when the last run was killed between its two moves', async () => {
  await fill('old');
  renameSync(join(root, 'model'), join(root, `.model-${await deadProcess()}-abcdef.old`));
  const failing = replaceFolder(join(root, 'model'), () => Promise.reject(new Error('again')));
  await expect(failing).rejects.toThrow('again');
  expect(content()).toBe('old');
  expect(readdirSync(root)).toEqual(['model']);
});

it('leaves the folders of running conversions and of other models alone', async () => {
  const others = [`.model-${process.pid}-abcdef`, `.model-two-${await deadProcess()}-abcdef`, '.model-notes'];
  for (const name of others) mkdirSync(join(root, name));
  await fill('new');
  expect(readdirSync(root).sort()).toEqual([...others, 'model'].sort());
});

it('fails as a whole when a piece fails, while another is on its way', async () => {
  await fill('old');
  const pieces = function* () {
    yield bytesSource(new Uint8Array(2 ** 23));
    throw new Error('damaged');
  };
  const failing = replaceFolder(join(root, 'model'), (folder) => folder.stream('a', pieces()));
  await expect(failing).rejects.toThrow('damaged');
  expect(content()).toBe('old');
});

it('writes a stream of pieces as one file with one digest', async () => {
  const written = (pieces: string[]) =>
    replaceFolder(join(root, 'model'), (folder) =>
      folder.stream(
        'a',
        pieces.map((piece) => bytesSource(Buffer.from(piece))),
      ),
    );
  const whole = await written(['abcdef']);
  expect(await written(['ab', '', 'cdef'])).toEqual(whole);
  expect(content()).toBe('abcdef');
});
