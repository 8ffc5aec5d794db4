import { expect, test } from 'vitest';
import { positionOf, stepAt, type Walk } from '../../../../src/site/playground/run/axis.ts';

const source: Walk = { steps: 50, sharedSteps: 0, source: null };
const fork: Walk = { steps: 30, sharedSteps: 20, source };
const forkOfFork: Walk = { steps: 100, sharedSteps: 25, source: fork };

test('every step has its place, and the place gives the step again', () => {
  for (const walk of [source, fork, forkOfFork]) {
    for (let step = 0; step <= walk.steps; step++) expect(stepAt(walk, positionOf(walk, step))).toBe(step);
    expect(positionOf(walk, 0)).toBe(0);
    expect(positionOf(walk, walk.steps)).toBe(1);
  }
});

test('shared steps lie where they lie in the source, and the tail fills the rest', () => {
  expect(positionOf(fork, 20)).toBe(positionOf(source, 20));
  expect(positionOf(fork, 7)).toBe(positionOf(source, 7));
  expect(positionOf(fork, 25)).toBeCloseTo(0.7);
  expect(positionOf(forkOfFork, 22)).toBe(positionOf(fork, 22));
});

test('a fork whose source is not on the page has an axis of its own', () => {
  expect(positionOf({ steps: 30, sharedSteps: 20, source: null }, 15)).toBe(0.5);
});
