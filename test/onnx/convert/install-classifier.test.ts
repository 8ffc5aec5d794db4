import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from '../../../src/check/check-model.ts';
import { type ModelManifest, parseManifest } from '../../../src/models/manifest.ts';
import { installClassifier } from '../../../src/onnx/convert/install-classifier.ts';
import { type Dim, GraphBuilder, serializeModel } from '../../../src/onnx/graph/index.ts';
import ort from '../../../src/onnx/onnxruntime.ts';
import { writeModel } from '../../check/model-folder.ts';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'cairn-install-'));
  // Images [2, 3, 3], classes a to d, batches up to 3, with a classifier already.
  folder = await writeModel(parent, 'small');
});
afterEach(() => rmSync(parent, { recursive: true }));

interface Shape {
  readonly batch?: Dim;
  readonly channels?: number;
  readonly size?: Dim;
  readonly classes?: number;
  readonly timestep?: boolean;
}

/** A convolution, a pool, a linear layer; without a timestep unless asked for. */
function classifier({ batch = 'N', channels = 2, size = 3, classes = 4, timestep }: Shape = {}): string {
  const g = new GraphBuilder({ name: 'own' });
  const weight = (dims: number[]) =>
    g.op('Reshape', [
      g.constant(Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => Math.sin(1 + 5 * i))),
      g.ints(dims),
    ]);
  const image = g.input('image', 'float32', [batch, channels, size, size]);
  let h = g.op('Conv', [image, weight([6, channels, 2, 2])]);
  if (timestep)
    h = g.op('Add', [h, g.op('Reshape', [g.input('t', 'float32', [batch]), g.ints([-1, 1, 1, 1])])]);
  const pooled = g.op('Flatten', [g.op('GlobalAveragePool', [g.op('Sigmoid', [h])])]);
  g.output(g.op('MatMul', [pooled, weight([6, classes])]), 'scores');
  const path = join(parent, 'own.onnx');
  writeFileSync(path, serializeModel(g.build()));
  return path;
}

const install = (path: string, rest: object = {}) =>
  installClassifier(folder, { classifier: { path }, ...rest });
const manifest = (): ModelManifest =>
  parseManifest(JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')), 'test');
const contents = () =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'base64')]));

describe('a classifier without a timestep', () => {
  it('makes a folder that passes every check', async () => {
    const { notes } = await install(classifier());
    expect(notes).toContainEqual(expect.stringContaining('takes no timestep'));
    const report = await checkModel(folder, { threads: 1 });
    expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['diffusion.onnx', 'gradient.onnx', 'model.json']);
  });

  it('has a gradient that asks for the timestep and does not change with it', async () => {
    await install(classifier());
    const session = await ort.InferenceSession.create(join(folder, 'gradient.onnx'));
    expect(session.inputNames).toEqual(['x', 'timestep', 'target']);
    const x = new ort.Tensor('float32', Float32Array.from({ length: 18 }, Math.cos), [1, 2, 3, 3]);
    const target = new ort.Tensor('float32', Float32Array.of(0, 1, 0, 0), [1, 4]);
    const at = async (t: number) => {
      const timestep = new ort.Tensor('float32', Float32Array.of(t), [1]);
      return (await session.run({ x, timestep, target })).gradient!.data;
    };
    expect(await at(0)).toEqual(await at(900));
    await expect(session.run({ x, target })).rejects.toThrow(/timestep/);
  });
});

describe('model.json', () => {
  it('describes the new gradient, and has no classifier any more', async () => {
    await install(classifier({ timestep: true }));
    const bytes = readFileSync(join(folder, 'gradient.onnx'));
    expect(manifest().graphs).toEqual({
      diffusion: expect.objectContaining({ file: 'diffusion.onnx' }),
      gradient: {
        file: 'gradient.onnx',
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      },
    });
  });

  it('gets new class names and a guidance scale', async () => {
    const classes = ['p', 'q', 'r', 's', 't'];
    await install(classifier({ classes: 5 }), { classes, guidanceScale: 2.5 });
    expect(manifest()).toMatchObject({ classes, defaults: { guidance_scale: 2.5 } });
  });

  it('guides by default from the first classifier on', async () => {
    const { graphs, defaults, ...rest } = manifest();
    const unguided = {
      ...rest,
      defaults: { ...defaults, guidance_scale: 0 },
      graphs: { diffusion: graphs.diffusion },
    };
    writeFileSync(join(folder, 'model.json'), JSON.stringify(unguided));
    await install(classifier());
    expect(manifest().defaults.guidance_scale).toBe(1);
    await install(classifier(), { guidanceScale: 0 });
    await install(classifier());
    expect(manifest().defaults.guidance_scale).toBe(0);
  });
});

it('takes the gradient that an earlier run made as it is', async () => {
  await install(classifier());
  const first = contents();
  const path = join(parent, 'gradient.onnx');
  writeFileSync(path, readFileSync(join(folder, 'gradient.onnx')));
  await install(path);
  expect(contents()).toEqual(first);
});

it('fixes an image size that the classifier leaves open', async () => {
  await install(classifier({ size: 'S' }));
  expect((await checkModel(folder, { threads: 1 })).ok).toBe(true);
});

it('leaves every other file of the folder where it is, and follows a link to the folder', async () => {
  writeFileSync(join(folder, 'notes.txt'), 'mine');
  const link = join(parent, 'link');
  symlinkSync(folder, link);
  const { 'diffusion.onnx': diffusion } = contents();
  await installClassifier(link, { classifier: { path: classifier() } });
  expect(contents()).toMatchObject({
    'notes.txt': Buffer.from('mine').toString('base64'),
    'diffusion.onnx': diffusion,
  });
});

describe('leaves the folder as it was when', () => {
  it.each<[string, Shape, RegExp]>([
    [
      'the image has another size',
      { size: 4 },
      /own\.onnx does not fit small: its images are \[2, 4, 4\] .*\[2, 3, 3\]/,
    ],
    ['the image has other channels', { channels: 3 }, /its images are \[3, 3, 3\]/],
    ['the classes are others', { classes: 5 }, /it tells 5 classes apart, the model names 4/],
  ])('%s', async (_, shape, message) => {
    const before = contents();
    await expect(install(classifier(shape))).rejects.toThrow(message);
    expect(contents()).toEqual(before);
    expect(readdirSync(parent).sort()).toEqual(['own.onnx', 'small']);
  });

  it('the image has other channels, and has them last', async () => {
    const g = new GraphBuilder({ name: 'last' });
    const x = g.input('x', 'float32', ['N', 5, 5, 3]);
    g.output(g.op('Squeeze', [g.reduce('ReduceMean', x, [1, 2]), g.ints([1, 2])]), 'y');
    const path = join(parent, 'last.onnx');
    writeFileSync(path, serializeModel(g.build()));
    await expect(install(path)).rejects.toThrow(/its images are \[3, 5, 5\] \(channels, height, width\)/);
  });

  it('the batch size is fixed and can not be freed', async () => {
    const g = new GraphBuilder({ name: 'fixed' });
    const x = g.input('x', 'float32', [2, 2, 3, 3]);
    const flat = g.op('Flatten', [x]);
    const mixed = g.op('Add', [flat, g.reduce('ReduceMean', flat, [0])]);
    g.output(g.op('Slice', [g.op('Mul', [mixed, mixed]), g.ints([0]), g.ints([4]), g.ints([1])]), 'y');
    const path = join(parent, 'fixed.onnx');
    writeFileSync(path, serializeModel(g.build()));
    const before = contents();
    await expect(install(path)).rejects.toThrow(
      /takes batches of 2 and no other, .* max_batch_size \(3\); export it with a dynamic batch size \(the batch size stays 2/,
    );
    expect(contents()).toEqual(before);
  });

  it('it is told to stop', async () => {
    const before = contents();
    await expect(install(classifier(), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(contents()).toEqual(before);
    expect(readdirSync(parent).sort()).toEqual(['own.onnx', 'small']);
  });
});

it('says the labels of a class-conditional model can not get other names than there are labels', async () => {
  writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...manifest(), class_conditional: true }));
  await expect(install(classifier({ classes: 2 }), { classes: ['p', 'q'] })).rejects.toThrow(
    '2 class names; small takes one of 4 labels itself',
  );
});
