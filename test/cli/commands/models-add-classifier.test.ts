import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';

let parent: string;
let folder: string;
let out: string;
let err: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'cairn-add-'));
  folder = join(parent, 'mnist-32');
  cpSync('models/mnist-32', folder, { recursive: true });
  out = '';
  err = '';
  vi.spyOn(console, 'log').mockImplementation((text) => {
    out += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    err += `${text}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(parent, { recursive: true });
});

/** Pixel sums in two halves of the image give the scores of K classes. */
function classifier(classes: number, inputs: readonly string[] = ['image']): string {
  const g = new GraphBuilder({ name: 'own' });
  const images = inputs.map((name) => g.input(name, 'float32', ['N', 1, 32, 32]));
  const pooled = g.op('AveragePool', [images[0]!], { kernel_shape: [32, 16], strides: [32, 16] });
  const weights = g.constant(Array.from({ length: 2 * classes }, (_, i) => Math.cos(i)));
  const matrix = g.op('Reshape', [weights, g.ints([2, classes])]);
  g.output(g.op('MatMul', [g.op('Reshape', [pooled, g.ints([-1, 2])]), matrix]), 'scores');
  for (const image of images.slice(1)) g.output(g.op('Neg', [image]), `${image.name}/negative`);
  const path = join(parent, 'own.onnx');
  writeFileSync(path, serializeModel(g.build()));
  return path;
}

const manifest = () => JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));

describe('cairn models add-classifier', () => {
  test('lets a classifier guide a model, which passes its checks then', async () => {
    expect(await run(['models', 'add-classifier', folder, classifier(10)])).toBe(0);
    expect(out).toContain('note: the classifier takes no timestep');
    expect(out).toMatch(/own\.onnx guides mnist-32 now; `cairn models check .*` runs it\n$/);
    expect(Object.keys(manifest().graphs)).toEqual(['diffusion', 'gradient']);
    expect(await run(['models', 'check', folder, '--threads', '1'])).toBe(0);
  });

  test('takes new class names from a file', async () => {
    const names = join(parent, 'names.txt');
    writeFileSync(names, 'left\nright\n\nboth\n');
    expect(await run(['models', 'add-classifier', folder, classifier(3), '--classes', names])).toBe(0);
    expect(manifest().classes).toEqual(['left', 'right', 'both']);
  });

  test.each<[string, () => string[], number, RegExp]>([
    [
      'other classes',
      () => [classifier(3)],
      1,
      /own\.onnx does not fit mnist-32: it tells 3 classes apart, .* 10$/m,
    ],
    [
      'two images',
      () => [classifier(10, ['a', 'b'])],
      2,
      /the image may be a .* or b .*; say which with --input/,
    ],
    ['no file of names', () => [classifier(10), '--classes', 'absent.txt'], 2, /--classes: ENOENT/],
    ['no number', () => [classifier(10), '--guidance-scale', 'much'], 2, /Expected a number, 0 or more/],
  ])('says what is wrong in one line, and changes nothing: %s', async (_, args, code, message) => {
    const before = readFileSync(join(folder, 'model.json'), 'utf8');
    expect(await run(['models', 'add-classifier', folder, ...args()])).toBe(code);
    expect(err.replace('[0/1] gradient\n', '')).toMatch(message);
    expect(readFileSync(join(folder, 'model.json'), 'utf8')).toBe(before);
  });
});
