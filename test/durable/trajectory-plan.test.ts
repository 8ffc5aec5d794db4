import { expect, it } from 'vitest';
import { keepsStep, keptCount, trajectoryBytes } from '../../src/durable/trajectory-plan.ts';

const keep = { every: 3, what: 'both' } as const;
const kept = (first: number, last: number) =>
  Array.from({ length: last + 1 }, (_, step) => step).filter(
    (step) => step >= first && keepsStep(keep, step, { first, last }),
  );

it('keeps where the walk begins, every k-th step, and the last', () => {
  expect(kept(0, 8)).toEqual([0, 3, 6, 8]);
  expect(kept(4, 12)).toEqual([4, 6, 9, 12]);
  expect(keptCount(keep, 4, 12)).toBe(4);
});

it('counts both tensors of every kept step', () => {
  expect(trajectoryBytes(keep, { first: 0, last: 8, elements: 100 })).toBe(4 * 2 * 100 * 4);
  expect(trajectoryBytes({ ...keep, what: 'x_t' }, { first: 0, last: 8, elements: 100 })).toBe(4 * 100 * 4);
});
