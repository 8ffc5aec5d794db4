import { expect, test } from 'vitest';
import { Latency } from '../../../src/inference/fleet/latency.ts';

test('the size of a batch is no part of the latency', () => {
  const small = new Latency();
  const large = new Latency();
  for (let i = 0; i < 10; i++) {
    small.observe(5, 1, 0);
    large.observe(40, 8, 0);
  }
  expect(small.perImage(0)).toBeCloseTo(5);
  expect(large.perImage(0)).toBeCloseTo(5);
});

test('nothing is known before the first answer', () => {
  expect(new Latency().perImage(0)).toBeNull();
});

test('it follows a change within a few answers', () => {
  const latency = new Latency();
  for (let i = 0; i < 20; i++) latency.observe(10, 1, i);
  for (let i = 20; i < 30; i++) latency.observe(100, 1, i);
  expect(latency.perImage(30)).toBeGreaterThan(90);
  expect(latency.perImage(30)).toBeLessThanOrEqual(100);
});

test('a failure makes a backend no faster than it was, and a timeout makes it slow at once', () => {
  const latency = new Latency();
  latency.observe(10, 1, 0);
  latency.observeFailure(1, 1, 0);
  expect(latency.perImage(0)).toBe(10);
  latency.observeFailure(30_000, 1, 0);
  expect(latency.perImage(0)).toBe(30_000);
});

test('a bad time is forgotten while nobody asks', () => {
  const latency = new Latency();
  latency.observeFailure(30_000, 1, 0);
  expect(latency.perImage(10_000)).toBe(15_000);
  expect(latency.perImage(120_000)).toBeLessThan(10);
});
