import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { intervalOf, resampledRows } from '../../src/evaluate/bootstrap.ts';
import { type Evaluation, evaluate, type MetricName } from '../../src/evaluate/evaluate.ts';
import { openExtractor } from '../../src/evaluate/feature-extractor.ts';
import { formatEvaluation } from '../../src/evaluate/format.ts';
import { loadSampleSet } from '../../src/evaluate/sample-set.ts';
import { GraphBuilder, serializeModel } from '../../src/onnx/graph/index.ts';
import { npzBytes } from '../verify/write-npz.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-evaluate-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function npz(name: string, arrays: Parameters<typeof npzBytes>[0]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, npzBytes(arrays));
  return path;
}

/** A network whose features are the image's two pixels and whose logits favour the brighter. */
async function extractor(): Promise<string> {
  const g = new GraphBuilder({ name: 'two-pixels' });
  const image = g.input('image', 'float32', ['N', 1, 1, 2]);
  const flat = g.op('Reshape', [image, g.ints([-1, 2])]);
  g.output(flat, 'features');
  g.output(g.op('Mul', [flat, g.constant(20, 'float32')]), 'logits');
  const path = join(folder, 'two-pixels.onnx');
  await writeFile(path, serializeModel(g.build()));
  return path;
}

function valueNamed({ metrics }: Evaluation, name: MetricName): number {
  return metrics.find((metric) => metric.name === name)!.value;
}

describe('images', () => {
  it('go through the network in the range it wants, and their labels give class accuracy', async () => {
    const data = Uint8Array.from({ length: 80 }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : i % 16));
    const labels = Int32Array.from({ length: 40 }, (_, i) => (i < 30 ? i % 2 : 1 - (i % 2)));
    const arrays = { arr_0: { shape: [40, 1, 2, 1], data }, arr_1: { shape: [40], data: labels } };
    await using network = await openExtractor(await extractor(), { range: [0, 1] });
    const set = await loadSampleSet(await npz('images.npz', arrays), { extractor: network, batch: 7 });
    expect(set.features?.values[0]).toBe(1);
    expect(set.features?.values[1]).toBeCloseTo(1 / 255, 6);
    const evaluation = await evaluate(set, set);
    expect(valueNamed(evaluation, 'class_accuracy')).toBe(0.75);
    expect(valueNamed(evaluation, 'precision')).toBe(1);
    expect(valueNamed(evaluation, 'fid')).toBeCloseTo(0, 9);
  });

  it('need a network, and one that takes their size', async () => {
    const arrays = { arr_0: { shape: [5, 2, 2, 1], data: new Uint8Array(20) } };
    const path = await npz('images.npz', arrays);
    await expect(loadSampleSet(path)).rejects.toThrow('give the network that makes features of them');
    await using network = await openExtractor(await extractor());
    await expect(loadSampleSet(path, { extractor: network })).rejects.toThrow(
      'takes images [C, H, W] of [1, 1, 2], these are [1, 2, 2]',
    );
  });
});

describe('the network', () => {
  it('must have the outputs that are asked for', async () => {
    await expect(openExtractor(await extractor(), { features: 'pool' })).rejects.toThrow(
      'has no output "pool"; it has features, logits',
    );
  });

  it('that can not be loaded is named', async () => {
    await writeFile(join(folder, 'broken.onnx'), 'no graph');
    await expect(openExtractor(join(folder, 'broken.onnx'))).rejects.toThrow('broken.onnx can');
  });
});

describe('files', () => {
  it('of features give every metric but those of classes, with intervals around the values', async () => {
    const noise = (seed: number) => ({ shape: [200, 4], data: drawNoise([seed], 800, 0) });
    const reference = await loadSampleSet(await npz('a.npz', { features: noise(1) }));
    const samples = await loadSampleSet(await npz('b.npz', { features: noise(2) }));
    const evaluation = await evaluate(reference, samples, { draws: 40 });
    const names = evaluation.metrics.map(({ name }) => name);
    expect(names).toEqual(['fid', 'precision', 'recall', 'density', 'coverage']);
    for (const { value, interval } of evaluation.metrics) {
      expect(interval!.low).toBeLessThanOrEqual(value);
      expect(interval!.high).toBeGreaterThanOrEqual(value);
      expect(interval!.high).toBeGreaterThan(interval!.low);
    }
    expect(valueNamed(evaluation, 'fid')).toBeLessThan(0.2);
  });

  it('of statistics, as the reference keeps its batches, give the Frechet distances alone', async () => {
    const [mu, sigma] = [Float64Array.of(1, 0), Float64Array.of(4, 0, 0, 1)];
    const arrays = { mu: { shape: [2], data: mu }, sigma: { shape: [2, 2], data: sigma } };
    const spatial = {
      mu_s: { shape: [1], data: Float64Array.of(0) },
      sigma_s: { shape: [1, 1], data: Float64Array.of(1) },
    };
    const set = await loadSampleSet(await npz('reference.npz', { ...arrays, ...spatial }));
    const moved = { ...arrays, mu: { shape: [2], data: Float64Array.of(3, 0) } };
    const other = await loadSampleSet(await npz('other.npz', { ...moved, ...spatial }));
    const { metrics } = await evaluate(set, other);
    expect(metrics).toEqual([
      { name: 'fid', value: 4, interval: null },
      { name: 'sfid', value: 0, interval: null },
    ]);
  });

  it('with neither are refused with what they hold', async () => {
    const path = await npz('odd.npz', { x: { shape: [1], data: Float32Array.of(1) } });
    await expect(loadSampleSet(path)).rejects.toThrow('odd.npz has x; expected images (arr_0), features');
  });
});

test('too few images for the features are warned of', async () => {
  const few = { features: { shape: [6, 8], data: drawNoise([1], 48, 0) } };
  const some = { features: { shape: [40, 8], data: drawNoise([1], 320, 0) } };
  const [a, b] = [
    await loadSampleSet(await npz('a.npz', few)),
    await loadSampleSet(await npz('b.npz', some)),
  ];
  const { warnings } = await evaluate(a, b, { draws: 0 });
  expect(warnings[0]).toContain('the reference: 6 images for 8 features leave the covariance singular');
  expect(warnings[1]).toContain('the samples: 40 images are few for 8 features');
});

test('draws are the same whenever they are made, and each of its own', () => {
  expect(resampledRows(10, 3)).toEqual(resampledRows(10, 3));
  expect(resampledRows(10, 3)).not.toEqual(resampledRows(10, 4));
  const rows = resampledRows(1_000, 0);
  expect(Math.max(...rows)).toBeLessThan(1_000);
  expect(new Set(rows).size / 1_000).toBeCloseTo(1 - 1 / Math.E, 1);
});

test('an interval lies around the value, whatever shift the draws have', () => {
  const draws = Array.from({ length: 101 }, (_, i) => 50 + i / 10);
  const { low, high } = intervalOf(10, draws);
  expect([low, high].map((bound) => Math.round(bound * 100) / 100)).toEqual([5.25, 14.75]);
  expect(() => intervalOf(1, [1])).toThrow('at least two draws, got 1');
});

test('the table has a line for each metric, and the warnings below', () => {
  const metric = { name: 'fid', value: 2.0667, interval: { low: 1.9, high: 2.31 } } as const;
  const lines = formatEvaluation({
    metrics: [metric, { name: 'recall', value: 0.5, interval: null }],
    warnings: ['few'],
  });
  expect(lines).toEqual([
    'Frechet distance     2.07  [1.90, 2.31] 95 %',
    'recall            0.500',
    'warning: few',
  ]);
});
