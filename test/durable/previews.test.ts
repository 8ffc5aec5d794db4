/** Which pictures of a walk go out, when, and that they show what the walk predicted. */
import { describe, expect, it } from 'vitest';
import { toUint8 } from '../../src/core/index.ts';
import { type PreviewSheet, Previews } from '../../src/durable/batch/previews.ts';
import { decodePng } from '../../src/durable/outputs.ts';
import type { BatchSpec, SampleSpec } from '../../src/durable/spec.ts';

const SHAPE = { channels: 1, height: 8, width: 8 };
const ELEMENTS = 64;

function previewsOf(size: number, job: Partial<SampleSpec> = {}, shape = SHAPE): Previews {
  const spec = { previewEvery: 2, count: size, batchSize: size, ...job } as SampleSpec;
  return new Previews({ job: spec, index: 0, first: 100, size } satisfies BatchSpec, shape);
}

function noise(size: number): Float32Array {
  return Float32Array.from({ length: size }, () => Math.random() * 3 - 1.5);
}

function indices(sheet: PreviewSheet | null): number[] {
  return sheet?.images.map(({ index }) => index) ?? [];
}

function pixelsOf(url: string) {
  const bytes = Uint8Array.from(atob(url.replace('data:image/png;base64,', '')), (c) => c.charCodeAt(0));
  return decodePng(bytes);
}

describe('a preview', () => {
  it('shows the predicted x_start of the latest step whose turn it was', () => {
    const previews = previewsOf(2);
    const x = noise(2 * ELEMENTS);
    previews.offer(2, noise(2 * ELEMENTS));
    previews.offer(4, x);
    previews.offer(5, noise(2 * ELEMENTS));
    const sheet = previews.take(0, true);
    expect(sheet?.step).toBe(4);
    expect(indices(sheet)).toEqual([100, 101]);
    const shown = sheet!.images.map(({ png }) => [...pixelsOf(png).data]);
    expect(shown.flat()).toEqual([...toUint8(x)]);
  });

  it('is at most 64 pixels wide, in colour with its channels interleaved', () => {
    const shape = { channels: 3, height: 128, width: 128 };
    const previews = previewsOf(1, {}, shape);
    const x = new Float32Array(3 * 128 * 128);
    x.fill(1, 0, 128 * 128).fill(-1, 128 * 128, 2 * 128 * 128);
    previews.offer(2, x);
    const { width, height, channels, data } = pixelsOf(previews.take(0, true)!.images[0]!.png);
    expect([width, height, channels]).toEqual([64, 64, 3]);
    expect([...data.subarray(0, 6)]).toEqual([255, 0, 127, 255, 0, 127]);
  });
});

describe('the pace', () => {
  it('sends nothing twice, and nothing of a job that wants none', () => {
    const previews = previewsOf(1);
    previews.offer(2, noise(ELEMENTS));
    expect(indices(previews.take(0, true))).toEqual([100]);
    expect(previews.take(10_000, true)).toBeNull();
    const none = previewsOf(1, { previewEvery: 0 });
    none.offer(2, noise(ELEMENTS));
    expect(none.take(0, true)).toBeNull();
    expect(none.takeLast(0)).toBeNull();
  });

  it('gives every image its turn when there are more than one sheet holds', () => {
    const previews = previewsOf(40);
    const seen: number[] = [];
    for (let now = 0; now < 30_000; now += 1000) {
      previews.offer(2 + 2 * Math.floor(now / 2000), noise(40 * ELEMENTS));
      seen.push(...indices(previews.take(now, true)));
    }
    const turns = Array.from({ length: 40 }, (_, i) => seen.filter((index) => index === 100 + i).length);
    expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1);
    expect(Math.min(...turns)).toBeGreaterThan(5);
  });

  it('keeps a job of 256 images of 64 x 64 in colour under 300 KB a second', () => {
    const shape = { channels: 3, height: 64, width: 64 };
    const size = 16;
    const batches = Array.from({ length: 16 }, () => previewsOf(size, { count: 256, batchSize: 16 }, shape));
    const x = noise(size * 3 * 64 * 64);
    let characters = 0;
    const seconds = 20;
    for (let now = 0; now < seconds * 1000; now += 250) {
      for (const previews of batches) {
        previews.offer(2 + now, x);
        const sheet = previews.take(now, true);
        characters += sheet?.images.reduce((sum, { png }) => sum + png.length, 0) ?? 0;
      }
    }
    // The first sheet of every batch leaves at once.
    const first = 16 * size * 17_000;
    expect(characters / 1024).toBeLessThan((seconds * 300 * 1024 + first) / 1024);
    expect(characters / 1024).toBeGreaterThan(seconds * 150);
  });

  it('is slow while nobody watches, and the last pictures always go', () => {
    const previews = previewsOf(1);
    previews.offer(2, noise(ELEMENTS));
    expect(previews.take(0, false)).not.toBeNull();
    previews.offer(4, noise(ELEMENTS));
    expect(previews.take(1_000, false)).toBeNull();
    expect(previews.takeLast(1_001)?.step).toBe(4);
  });
});
