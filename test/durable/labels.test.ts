import { describe, expect, it } from 'vitest';
import { drawLabel } from '../../src/core/index.ts';
import { type LabelRule, labelAt } from '../../src/durable/labels.ts';

function labelsOf(rule: LabelRule, count: number, seed = 5): number[] {
  return Array.from({ length: count }, (_, image) => labelAt(rule, seed, image));
}

function counts(...pairs: readonly (readonly [label: number, images: number])[]): LabelRule {
  return { type: 'counts', counts: pairs.map(([label, images]) => ({ label, images })) };
}

describe('random labels', () => {
  it('are those of the seeds of the images', () => {
    expect(labelsOf({ type: 'random', classes: 10 }, 20)).toEqual(
      Array.from({ length: 20 }, (_, n) => drawLabel(5 + n, 10)),
    );
  });
});

describe('counts per class', () => {
  it('take turns, those with the most first, until each is used up', () => {
    expect(labelsOf(counts([3, 2], [8, 4], [9, 2]), 8)).toEqual([8, 3, 9, 8, 3, 9, 8, 8]);
    expect(labelsOf(counts([3, 3], [8, 3]), 6)).toEqual([3, 8, 3, 8, 3, 8]);
    expect(labelsOf(counts([4, 3]), 3)).toEqual([4, 4, 4]);
  });

  it('come out exactly, whatever they are', () => {
    const wanted = Array.from({ length: 100 }, (_, label) => [label, 1 + ((label * 37) % 91)] as const);
    const total = wanted.reduce((sum, [, images]) => sum + images, 0);
    const got = new Map<number, number>();
    for (const label of labelsOf(counts(...wanted), total)) got.set(label, (got.get(label) ?? 0) + 1);
    expect([...got].sort(([a], [b]) => a - b)).toEqual(wanted);
  });
});
