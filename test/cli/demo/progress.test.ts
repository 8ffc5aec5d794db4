import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { formatDuration, formatProgress, showProgress } from '../../../src/cli/demo/progress.ts';
import { drawBar } from '../../../src/cli/live-bar.ts';
import type { SampleResponse } from '../../../src/client/index.ts';

const underWay = {
  status: 'running',
  retry: null,
  progress: { step: 3, steps: 15, fraction: 0.2, steps_per_second: 0.4211, seconds_left: 28.5 },
} as SampleResponse;

describe('formatProgress', () => {
  test('step k of N, steps per second, time left', () => {
    expect(formatProgress(underWay)).toBe('step 3 of 15, 0.42 steps/s, 29 s left');
  });

  test('nothing is guessed before it is known', () => {
    const progress = { ...underWay.progress, step: 0, steps_per_second: null, seconds_left: null };
    expect(formatProgress({ ...underWay, progress })).toBe('step 0 of 15');
  });

  test('says why a call is repeated', () => {
    const retry = { message: 'connection refused', since: '2026-01-01T00:00:00Z', attempts: 2 };
    expect(formatProgress({ ...underWay, retry })).toContain('trying again: connection refused');
  });

  test('a finished sample has no time left', () => {
    const progress = { ...underWay.progress, step: 15, steps_per_second: 24, seconds_left: 0 };
    expect(formatProgress({ ...underWay, status: 'succeeded', progress })).toBe(
      'step 15 of 15, 24 steps/s, done',
    );
  });
});

test('formatDuration rounds up and splits off minutes', () => {
  expect([0, 0.2, 59, 59.2, 125].map(formatDuration)).toEqual([
    '0 s',
    '1 s',
    '59 s',
    '1 min 0 s',
    '2 min 5 s',
  ]);
});

test('drawBar is as long when it is empty as when it is full', () => {
  expect(drawBar(0)).toBe(`[${'-'.repeat(24)}]`);
  expect(drawBar(0.5)).toBe(`[${'#'.repeat(12)}${'-'.repeat(12)}]`);
  expect(drawBar(1.2)).toBe(`[${'#'.repeat(24)}]`);
});

test('without a terminal the last state is a plain line', () => {
  const stream = new PassThrough();
  const display = showProgress(stream);
  display.update(underWay);
  display.stop();
  const text = String(stream.read());
  expect(text).toContain('[#####-------------------] step 3 of 15, 0.42 steps/s, 29 s left\n');
  expect(text).not.toContain('\u001b');
});
