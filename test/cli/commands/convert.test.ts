import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeTorchCheckpoint } from '../../../src/bench/torch-checkpoint.ts';
import { run } from '../../../src/cli/program.ts';
import { stateDictOf } from '../../../src/onnx/architectures/build-model.ts';
import { loadRecipe } from '../../../src/onnx/convert/recipe.ts';
import { GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
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
      /unet_a3\.pt: the checkpoint does not fit the architecture: a UNetModel with .*model_channels 32 instead of 256.*; \d+ missing/,
    ],
    [
      'a file that is not there',
      ['--preset', 'lsun-cat', '--diffusion', 'nowhere.pt'],
      1,
      /nowhere\.pt: there is no such file$/m,
    ],
    [
      'a classifier that is missing',
      ['--preset', 'mnist-32', ...unet],
      1,
      /needs a classifier's checkpoint \(--classifier\)/,
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

describe('the folder that cairn convert writes', () => {
  const convert = (...args: string[]) => run(['convert', ...unet, ...facts, ...args]);

  test('gives the model its name, and replaces a model', async () => {
    const folder = join(root, 'mine');
    for (let time = 0; time < 2; time++) expect(await convert('--out', folder)).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')).id).toBe('mine');
  });

  test.each([
    ['My_Model', [], /a model folder is called as its model, and "My_Model" is no id; expected lower-case/],
    ['mine', ['--id', 'other'], /--id other and --out .*mine do not go together/],
    ['taken', [], /taken is not replaced: it holds notes\.txt and no model\.json, so it is no model folder/],
    ['file', [], /file is a file, and a model is a folder/],
  ])('is refused, and stays as it is: %s', async (name, args, message) => {
    mkdirSync(join(root, 'taken'));
    writeFileSync(join(root, 'taken/notes.txt'), 'precious');
    writeFileSync(join(root, 'file'), '');
    expect(await convert('--out', join(root, name), ...args)).toBe(2);
    expect(err).toMatch(message);
    expect(readdirSync(root).sort()).toEqual(['file', 'taken']);
    expect(readdirSync(join(root, 'taken'))).toEqual(['notes.txt']);
  });
});

describe('cairn convert with a classifier in ONNX form', () => {
  /** Scores of an image [1, size, size]: the squares of as many stripes' means. */
  const classifier = (size: number, classes: number): string => {
    const g = new GraphBuilder({ name: 'own' });
    const image = g.input('image', 'float32', ['N', 1, size, size]);
    const stripe = Math.floor(size / classes);
    const stripes = g.op('AveragePool', [image], { kernel_shape: [size, stripe], strides: [size, stripe] });
    const squares = g.op('Mul', [stripes, stripes]);
    const flat = g.op('Reshape', [squares, g.ints([-1, Math.floor(size / stripe)])]);
    g.output(g.op('Slice', [flat, g.ints([0]), g.ints([classes]), g.ints([1])]), 'scores');
    const path = join(root, 'own.onnx');
    writeFileSync(path, serializeModel(g.build()));
    return path;
  };
  const manifest = (folder: string) => JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));

  test('makes a model that it guides, and asks for nothing that the classifier says', async () => {
    const folder = join(root, 'mine');
    const rest = facts.slice(2);
    const args = [...unet, ...rest, '--classifier', classifier(16, 7), '--id', 'mine', '--out', folder];
    expect(await run(['convert', ...args])).toBe(0);
    expect(out).toMatch(/^Wrote mine to .*: diffusion\.onnx \d+ kB, gradient\.onnx \d+ kB$/m);
    expect(out).toContain('note: the classifier takes no timestep');
    expect(err).toBe('[0/2] diffusion\n[1/2] gradient\n[2/2] model.json\n');
    expect(manifest(folder)).toMatchObject({ image: { height: 16 }, defaults: { guidance_scale: 1 } });
    expect(await run(['models', 'check', folder, '--threads', '1'])).toBe(0);
  });

  test('takes the place of the one that a preset describes, with classes of its own', async () => {
    const { architecture } = await loadRecipe('mnist-32');
    const checkpoint = join(root, 'diffusion.pt');
    writeTorchCheckpoint(checkpoint, stateDictOf(architecture.diffusion));
    writeFileSync(join(root, 'names.txt'), 'left\nright\n');
    const args = ['--preset', 'mnist-32', '--diffusion', checkpoint, '--classifier', classifier(32, 2)];
    const folder = join(root, 'mnist-32');
    expect(await run(['convert', ...args, '--out', folder])).toBe(1);
    expect(err).toContain('own.onnx does not fit mnist-32: it tells 2 classes apart, the model names 10');
    expect(readdirSync(root)).not.toContain('mnist-32');
    expect(await run(['convert', ...args, '--classes', join(root, 'names.txt'), '--out', folder])).toBe(0);
    expect(manifest(folder).classes).toEqual(['left', 'right']);
    expect(readdirSync(folder).sort()).toEqual(['diffusion.onnx', 'gradient.onnx', 'model.json']);
  });

  test('says that other flags are for it alone', async () => {
    const args = [...unet, ...facts, '--classifier', checkpointPath('tiny_a.pt'), '--mean', '0.5'];
    expect(await run(['convert', ...args])).toBe(2);
    expect(err).toContain('--mean is for a --classifier that is an .onnx file');
  });
});

test('Ctrl-C ends a conversion with 130, and leaves nothing behind', { timeout: 120_000 }, async () => {
  const recipe = await loadRecipe('mnist-32');
  // Wide enough (90 MB) to be caught in the middle.
  const diffusion = { ...recipe.architecture.diffusion, model_channels: 96 };
  const json = join(root, 'wide.json');
  writeFileSync(json, JSON.stringify({ ...recipe, weights: 'float32', architecture: { diffusion } }));
  const checkpoint = join(root, 'wide.pt');
  writeTorchCheckpoint(checkpoint, stateDictOf(diffusion));
  const args = ['src/cli/main.ts', 'convert', json, '--diffusion', checkpoint, '--out', join(root, 'model')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  const data = () => {
    const hidden = readdirSync(root).find((name) => name.startsWith('.model-'));
    return hidden === undefined
      ? []
      : readdirSync(join(root, hidden)).map((name) => join(root, hidden, name));
  };
  while (!data().some((path) => statSync(path).size > 0)) await setTimeout(2);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(said).toBe('[0/1] diffusion\ncairn: interrupted\n');
  expect(readdirSync(root).sort()).toEqual(['wide.json', 'wide.pt']);
});
