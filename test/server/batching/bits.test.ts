/**
 * What docs/serving.md says about bits on the CPU, held against a real network (models/mnist-32). The order of the sums
 * of floating point is onnxruntime's own business: if one of these fails on another processor, the document is wrong
 * there, and exact requests alone are to be relied on.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InferenceSession, Tensor } from '../../../src/onnx/onnxruntime.ts';
import { floatsFromSeed } from './floats.ts';

const MODEL = join(import.meta.dirname, '../../../models/mnist-32');
const SIDE = 32;
const CLASSES = 10;

describe.each([
  ['diffusion', ['output']],
  ['gradient', ['gradient', 'log_probs']],
] as const)('%s', (graph, outputs) => {
  const sessions = new Map<number, InferenceSession>();

  beforeAll(async () => {
    const bytes = await readFile(join(MODEL, `${graph}.onnx`));
    for (const threads of [1, 2, 4]) {
      sessions.set(threads, await InferenceSession.create(bytes, { intraOpNumThreads: threads }));
    }
  });
  afterAll(() => Promise.all([...sessions.values()].map((session) => session.release())));

  /** Rows of image `which` in a batch of images, each named by a number that it is made from. */
  async function rows(which: number, images: readonly number[], threads = 1): Promise<Float32Array[]> {
    const session = sessions.get(threads)!;
    const count = images.length;
    const x = images.flatMap((seed) => floatsFromSeed(seed, SIDE * SIDE));
    const target = images.flatMap((seed) =>
      Array.from({ length: CLASSES }, (_, k) => Number(k === seed % CLASSES)),
    );
    const feeds: Record<string, Tensor> = {
      x: new Tensor('float32', Float32Array.from(x), [count, 1, SIDE, SIDE]),
      timestep: new Tensor(
        'float32',
        Float32Array.from(images, (seed) => (seed * 37) % 1000),
        [count],
      ),
      ...(graph === 'gradient' && {
        target: new Tensor('float32', Float32Array.from(target), [count, CLASSES]),
      }),
    };
    const results = await session.run(feeds, [...outputs]);
    const at = images.indexOf(which);
    return outputs.map((name) => {
      const data = results[name]!.data as Float32Array;
      const stride = data.length / count;
      return data.slice(at * stride, (at + 1) * stride);
    });
  }

  test('the same batch has the same bits again', async () => {
    for (const threads of [1, 2, 4]) {
      expect(await rows(1, [1, 2, 3], threads)).toEqual(await rows(1, [1, 2, 3], threads));
    }
  });

  test('in a batch of a fixed size, the bits of an image depend on no neighbour and no place', async () => {
    for (const threads of [1, 2, 4]) {
      const first = await rows(1, [1, 2, 3, 4], threads);
      expect(await rows(1, [1, 7, 8, 9], threads)).toEqual(first);
      expect(await rows(1, [7, 1, 8, 9], threads)).toEqual(first);
      expect(await rows(1, [7, 8, 9, 1], threads)).toEqual(first);
    }
  });

  test('over sizes of the batch and numbers of threads, they agree up to rounding', async () => {
    const [alone] = await rows(1, [1]);
    for (const threads of [1, 2, 4]) {
      for (const images of [[1], [1, 2], [1, 2, 3, 4, 5]]) {
        const [found] = await rows(1, images, threads);
        const largest = Math.max(...alone!.map((value, i) => Math.abs(value - found![i]!)));
        expect(largest).toBeLessThan(1e-5);
      }
    }
  });
});
