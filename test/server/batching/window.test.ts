import { expect, test } from 'vitest';
import { Returns, windowEnd } from '../../../src/server/batching/window.ts';

/** An owner who has come back `gap` ms after an answer, has just been answered again at 100, and is away. */
function loopingOwner(gap: number): Returns {
  const returns = new Returns(10);
  returns.settled('job', 50);
  returns.asked('job', 50 + gap);
  returns.settled('job', 100);
  return returns;
}

test('who came back soon after an answer is expected to do so again, with some slack', () => {
  expect(loopingOwner(2).expected(100)).toEqual([103]);
});

test('nobody is expected who asks for the first time, who waits already, or who took longer than the window', () => {
  const once = new Returns(10);
  once.asked('job', 50);
  once.settled('job', 100);
  expect(once.expected(100)).toEqual([]);

  const waiting = loopingOwner(2);
  waiting.asked('job', 101);
  expect(waiting.expected(101)).toEqual([]);

  expect(loopingOwner(11).expected(100)).toEqual([]);
});

test('who has stayed away is forgotten', () => {
  const returns = loopingOwner(2);
  expect(returns.expected(111)).toEqual([]);
  returns.asked('job', 112);
  returns.settled('job', 120);
  expect(returns.expected(120)).toEqual([]);
});

test('an owner with several requests is expected once for each', () => {
  const returns = loopingOwner(2);
  returns.settled('job', 101);
  expect(returns.expected(101)).toEqual([103, 104]);
  returns.asked('job', 102);
  expect(returns.expected(102)).toEqual([104]);
});

test('the engine waits for the last of those who come sooner than a run of their own would cost', () => {
  expect(windowEnd(100, [103, 102, 140], 5)).toBe(103);
});

test('it does not wait if nobody is expected, if they are late, or if a run of their own costs less', () => {
  expect(windowEnd(100, [], 5)).toBe(100);
  expect(windowEnd(100, [99], 5)).toBe(100);
  expect(windowEnd(100, [103], 3)).toBe(100);
});
