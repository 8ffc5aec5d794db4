import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkModel } from '../../src/check/check-model.ts';
import { classifier, diffusion, gradient, type Parts, writeModel } from './model-folder.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'cairn-check-'));
});
afterEach(() => rm(parent, { recursive: true }));

const OPTIONS = { threads: 1 };
/** What is wrong, as `check: detail`. */
const failuresOf = async (folder: string): Promise<string[]> => {
  const { ok, findings, costs } = await checkModel(folder, OPTIONS);
  const failed = findings.filter((finding) => !finding.ok);
  expect(ok).toBe(failed.length === 0);
  expect(costs.length > 0).toBe(ok);
  return failed.map(({ check, detail }) => `${check}: ${detail}`);
};

describe('a model that is right', () => {
  it('passes, and its step has a cost for a batch of one and for the largest', async () => {
    const report = await checkModel(await writeModel(parent, 'right'), OPTIONS);
    expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(report).toMatchObject({ id: 'right', ok: true, costs: [{ batch: 1 }, { batch: 3 }] });
    for (const { diffusionMs, gradientMs, guidedMs } of report.costs) {
      for (const time of [diffusionMs, gradientMs, guidedMs]) expect(time).toBeGreaterThan(0);
    }
  });

  it('has the bytes of a step counted: tensors and their description', async () => {
    const [one, three] = (await checkModel(await writeModel(parent, 'right'), OPTIONS)).costs;
    const perImage = { sent: 4 * (18 + 1 + 4), received: 4 * (36 + 18) };
    // Twice more images; the description grows by a digit at most.
    expect(Math.abs(three!.sentBytes - one!.sentBytes - 2 * perImage.sent)).toBeLessThan(8);
    expect(Math.abs(three!.receivedBytes - one!.receivedBytes - 2 * perImage.received)).toBeLessThan(8);
  });

  it('needs no classifier', async () => {
    const folder = await writeModel(parent, 'alone', {
      manifest: (manifest) => ({ ...manifest, graphs: { diffusion: manifest.graphs.diffusion } }),
    });
    const report = await checkModel(folder, OPTIONS);
    expect(report).toMatchObject({ ok: true, costs: [{ gradientMs: null, guidedMs: null }, {}] });
  });
});

describe('model.json is held against itself', () => {
  it.each<[string, Parts['manifest'], string]>([
    ['a bad field', (m) => ({ ...m, name: '' }), 'name: '],
    ['another id', (m) => ({ ...m, id: 'other' }), 'id: "other", but the folder is "model"'],
    ['too few channels', (m) => ({ ...m, output_channels: 2 }), 'output_channels: 2; 2 image channels and '],
    [
      'steps that do not exist',
      (m) => ({ ...m, defaults: { ...m.defaults, steps: 'ddim' } }),
      'defaults.steps: ',
    ],
    [
      'a classifier without a gradient',
      (m) => ({ ...m, graphs: { ...m.graphs, gradient: undefined } }),
      'graphs.gradient: missing',
    ],
  ])('%s', async (_, manifest, problem) => {
    const [failure, ...others] = await failuresOf(await writeModel(parent, 'model', { manifest: manifest! }));
    expect(failure).toContain(`model.json: ${join(parent, 'model', 'model.json')}`);
    expect(failure).toContain(problem);
    expect(others).toEqual([]);
  });

  it('no JSON', async () => {
    const folder = await writeModel(parent, 'model');
    await writeFile(join(folder, 'model.json'), '{');
    expect(await failuresOf(folder)).toEqual([expect.stringContaining('model.json is not JSON: ')]);
  });
});

describe('a file is held against its size and digest', () => {
  it('longer, changed or gone, all of them are told', async () => {
    const folder = await writeModel(parent, 'model');
    await appendFile(join(folder, 'diffusion.onnx'), 'x');
    const bytes = await readFile(join(folder, 'classifier.onnx'));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder, 'classifier.onnx'), bytes);
    await rm(join(folder, 'gradient.onnx'));
    expect(await failuresOf(folder)).toEqual([
      expect.stringMatching(/^diffusion\.onnx: diffusion\.onnx has \d+ bytes; model\.json says \d+$/),
      expect.stringMatching(
        /^classifier\.onnx: classifier\.onnx has SHA-256 \w{64}; model\.json says \w{64}$/,
      ),
      'gradient.onnx: there is no such file',
    ]);
  });
});

describe('a graph is held against model.json and against itself', () => {
  it.each<[string, Parts, string]>([
    ['no ONNX model', { diffusion: Uint8Array.of(1, 2, 3) }, 'diffusion.onnx: '],
    [
      'images of other channels',
      { diffusion: diffusion(undefined, 3) },
      'diffusion.onnx: input x is float32[N, 3, 3, 3]; model.json makes it float32[N, 2, 3, 3]',
    ],
    [
      'another network under the name',
      { gradient: classifier() },
      'gradient.onnx: the graph has no input target; it has x, timestep',
    ],
    [
      'an input too many',
      { classifier: gradient() },
      'classifier.onnx: the graph has an input target, which model.json does not know',
    ],
    [
      'a value that is not finite',
      { diffusion: diffusion((g, output) => g.op('Log', [g.op('Sub', [output, output])])) },
      'diffusion.onnx: output output has the value -Infinity at element 0',
    ],
    [
      'images that see each other',
      {
        diffusion: diffusion((g, output) =>
          g.op('Sub', [output, g.op('ReduceMean', [output], { axes: [0], keepdims: 1 })]),
        ),
      },
      'diffusion.onnx: output: in a batch of 3 an image',
    ],
    [
      'probabilities that are none',
      { gradient: gradient({ logProbs: 2 }) },
      'log_probs: the probabilities of image 0 sum to ',
    ],
    ['a gradient of twice the size', { gradient: gradient({ gradient: 2 }) }, 'gradient: along a random'],
    ['a gradient downhill', { gradient: gradient({ gradient: -1 }) }, 'gradient: along a random direction'],
    ['two classifiers', { classifier: classifier(1.5) }, 'logits: log_softmax of classifier.onnx and '],
  ])('%s', async (_, parts, problem) => {
    const failures = await failuresOf(await writeModel(parent, 'model', parts));
    expect(failures.some((failure) => failure.startsWith(problem))).toBe(true);
    for (const failure of failures) expect(failure).not.toContain('\n');
  });
});
