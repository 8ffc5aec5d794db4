import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { checkpointPath } from '../../onnx/fixtures.ts';

let root: string;
let out: string;
let err: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cairn-convert-'));
  out = '';
  err = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

const unet = ['--diffusion', checkpointPath('unet_a3.pt')];
const facts = [
  '--image-size',
  '16',
  '--num-heads',
  '2',
  '--attention-order',
  'new',
  '--noise-schedule',
  'linear',
];

describe('cairn convert', () => {
  test('converts a model without a preset from what it is told', async () => {
    writeFileSync(join(root, 'names.txt'), 'a\nb\nc\nd\ne\nf\ng\n');
    const folder = join(root, 'mine');
    const args = [...unet, ...facts, '--classes', join(root, 'names.txt'), '--id', 'mine', '--out', folder];
    expect(await run(['convert', ...args])).toBe(0);
    expect(out).toMatch(/^Wrote mine to .*: diffusion\.onnx \d+ kB\n$/);
    expect(err).toBe('[0/1] diffusion\n[1/1] model.json\n');
    expect(readdirSync(folder).sort()).toEqual(['diffusion.onnx', 'model.json']);
  });

  test.each([
    ['flags that are missing', unet, 1, /names and shapes do not say all of unet_a3\.pt; give --image-size/],
    [
      'a preset that does not exist',
      [...unet, '--preset', 'imagenet'],
      1,
      /no recipe is called imagenet .*imagenet-256/,
    ],
    [
      'a preset and a recipe',
      ['mnist-32', ...unet, '--preset', 'lsun-cat'],
      2,
      /give a recipe or --preset, not both/,
    ],
    [
      'a fact that the preset says',
      [...unet, '--preset', 'lsun-cat', '--num-heads', '2'],
      1,
      /--num-heads is for a model without/,
    ],
    [
      'a checkpoint of another model',
      [...unet, '--preset', 'lsun-cat'],
      1,
      /does not fit the architecture: \d+ missing/,
    ],
  ])('says in one line: %s', async (_, args, code, message) => {
    expect(await run(['convert', ...args, '--out', join(root, 'x')])).toBe(code);
    expect(err).toMatch(message);
    expect(
      err
        .trimEnd()
        .split('\n')
        .filter((line) => !line.startsWith('[')).length,
    ).toBe(1);
    expect(readdirSync(root)).toEqual([]);
  });
});
