import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { run } from '../../../src/cli/program.ts';
import { replaceFiles } from '../../../src/onnx/convert/model-folder.ts';
import { writeGraph } from '../../../src/onnx/convert/write-graph.ts';
import { GraphBuilder, parseModel, serializeModel } from '../../../src/onnx/graph/index.ts';
import ort from '../../../src/onnx/onnxruntime.ts';

const MODEL = fileURLToPath(new URL('../../fixtures/onnx/classifiers/time_cnn.onnx', import.meta.url));

let directory: string;
let out: string;
let err: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cairn-gradient-'));
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
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

describe('cairn gradient', () => {
  test('says that it is the output that is in the way, not the classifier', async () => {
    expect(await run(['gradient', MODEL, '--out', directory])).toBe(1);
    expect(err).toContain(`--out ${directory}: it is a folder, not a file`);
    expect(err).not.toContain(MODEL);
  });

  test('writes the graph and says what it found', async () => {
    const target = join(directory, 'guide.onnx');
    expect(await run(['gradient', MODEL, '--out', target])).toBe(0);
    expect(out).toContain('image image, timestep timestep, output logits');
    expect(out).toMatch(/differentiated \d+ nodes .*Conv 2/);
    expect(out).toContain('in:  x float32[N, 3, 20, 20], timestep float32[N], target float32[N, 10]');
    expect(out).toContain('out: gradient float32[N, 3, 20, 20], log_probs float32[N, 10]');
    const graph = parseModel(await readFile(target));
    expect(graph.outputs.map(({ name }) => name)).toEqual(['gradient', 'log_probs']);
    expect(await readdir(directory)).toEqual(['guide.onnx']);
  });

  test.each([
    [['--input', 'picture'], 'there is no picture for the image; there is image float32[N, 3, 20, 20]'],
    [['--size', 'big'], "argument 'big' is invalid. Expected pixels"],
  ])('ends with 2 for %s', async (flags, message) => {
    expect(await run(['gradient', MODEL, '--out', join(directory, 'g.onnx'), ...flags])).toBe(2);
    expect(err).toContain(message);
    expect(err.trim()).not.toContain('\n');
    expect(await readdir(directory)).toEqual([]);
  });

  test('ends with 2 without a model', async () => {
    expect(await run(['gradient'])).toBe(2);
    expect(err).toContain("missing required argument 'model'");
  });

  test('ends with 1 for what is no model, and leaves the old graph alone', async () => {
    const [model, target] = [join(directory, 'model.onnx'), join(directory, 'g.onnx')];
    await writeFile(model, 'not a model');
    await writeFile(target, 'old');
    expect(await run(['gradient', model, '--out', target])).toBe(1);
    expect(err).toContain('model.onnx: these bytes are not an ONNX model');
    expect(await readFile(target, 'utf8')).toBe('old');
  });

  test('ends with 1 for an operator without a rule, naming operator, node and place', async () => {
    const g = new GraphBuilder({ name: 'cumulative' });
    const x = g.input('x', 'float32', ['N', 1, 2, 2]);
    g.output(
      g.scope('head', () => g.op('CumSum', [g.op('Flatten', [x]), g.constant(1, 'int64')])),
      'y',
    );
    const model = join(directory, 'model.onnx');
    await writeFile(model, serializeModel(g.build()));
    expect(await run(['gradient', model, '--out', join(directory, 'g.onnx')])).toBe(1);
    expect(err).toContain('CumSum node "head/CumSum": no gradient rule for operator CumSum; add a row');
    expect(await readdir(directory)).toEqual(['model.onnx']);
  });
});

describe('a classifier whose weights lie beside it', () => {
  /** time_cnn with its weights in time_cnn.onnx.data. */
  const outside = async (): Promise<string> => {
    const graph = parseModel(await readFile(MODEL));
    const path = join(directory, 'time_cnn.onnx');
    await replaceFiles(path, (folder) => writeGraph(folder, 'time_cnn.onnx', graph, { externalFrom: 0 }));
    return path;
  };
  const answers = async (path: string) => {
    const session = await ort.InferenceSession.create(path);
    const x = new ort.Tensor('float32', Float32Array.from({ length: 1200 }, Math.sin), [1, 3, 20, 20]);
    const timestep = new ort.Tensor('float32', Float32Array.of(5), [1]);
    const target = new ort.Tensor(
      'float32',
      Float32Array.from({ length: 10 }, (_, i) => i % 2),
      [1, 10],
    );
    return (await session.run({ x, timestep, target })).gradient!.data;
  };

  test('has a gradient whose weights lie beside it, with the same answers', async () => {
    const path = await outside();
    const [within, beside] = [join(directory, 'within.onnx'), join(directory, 'beside.onnx')];
    expect(await run(['gradient', MODEL, '--out', within])).toBe(0);
    expect(await run(['gradient', path, '--out', beside])).toBe(0);
    expect(out).toContain('its weights in beside.onnx.data beside it: ');
    expect(await answers(beside)).toEqual(await answers(within));
    expect((await readdir(directory)).sort()).toEqual([
      'beside.onnx',
      'beside.onnx.data',
      'time_cnn.onnx',
      'time_cnn.onnx.data',
      'within.onnx',
    ]);
  });

  test('is described with the file and its digest', async () => {
    const path = await outside();
    expect(await run(['inspect', path, '--json'])).toBe(0);
    const data = await readFile(`${path}.data`);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'classifier of noisy images',
      externalData: [
        {
          file: 'time_cnn.onnx.data',
          bytes: data.length,
          sha256: createHash('sha256').update(data).digest('hex'),
        },
      ],
    });
  });

  test('ends with 1 if they are not there, naming the file, and leaves the old gradient alone', async () => {
    const path = await outside();
    await rm(`${path}.data`);
    const target = join(directory, 'g.onnx');
    await writeFile(target, 'old');
    expect(await run(['gradient', path, '--out', target])).toBe(1);
    expect(err).toMatch(/is stored in time_cnn\.onnx\.data: there is no such file beside the model\n$/);
    expect(await readFile(target, 'utf8')).toBe('old');
  });
});

test('a classifier of normalised images: the flags say which', async () => {
  const target = join(directory, 'g.onnx');
  expect(await run(['gradient', MODEL, '--out', target, '--mean', '0.5,0.4,0.3', '--std', '0.2'])).toBe(0);
  expect(out).toContain('note: x in [-1, 1] becomes ((x + 1) / 2 - 0.5,0.4,0.3) / 0.2 first');
  expect(await run(['gradient', MODEL, '--out', target, '--mean', '0.5,,1'])).toBe(2);
  expect(err).toContain('Expected a number, or one for each channel with commas between.');
});

test('a classifier without a timestep: a note says who gives it one', async () => {
  const convnext = MODEL.replace('time_cnn', 'convnext');
  expect(await run(['gradient', convnext, '--out', join(directory, 'g.onnx')])).toBe(0);
  expect(out).toContain(
    'note: there is no timestep; `cairn models add-classifier` gives it to a model folder',
  );
});
