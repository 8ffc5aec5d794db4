import { expect, test } from 'vitest';
import { Frames } from '../../../../src/site/playground/run/frames.ts';

test('shows the newest picture that is no newer than the step, whatever order they came in', () => {
  const frames = new Frames();
  frames.put('x_start', 0, 10, 'ten');
  frames.put('x_start', 0, 4, 'four');
  frames.put('x_start', 0, 7, 'seven');
  expect(frames.at('x_start', 0, 3)).toBeNull();
  expect(frames.at('x_start', 0, 6)).toBe('four');
  expect(frames.at('x_start', 0, 7)).toBe('seven');
  expect(frames.at('x_start', 0, 99)).toBe('ten');
  frames.put('x_start', 0, 7, 'seven again');
  expect(frames.at('x_start', 0, 9)).toBe('seven again');
});

test('keeps images and views apart', () => {
  const frames = new Frames();
  frames.put('x_t', 1, 5, 'noisy');
  expect(frames.at('x_t', 0, 5)).toBeNull();
  expect(frames.at('x_start', 1, 5)).toBeNull();
});
