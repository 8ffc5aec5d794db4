import { expect, test } from 'vitest';
import { interleave, timePerCall } from '../../src/bench/interleave.ts';

test('takes the sides in turns, back and forth, after warming both up', async () => {
  const order: string[] = [];
  const side = (name: string) => () => {
    order.push(name);
    return order.length;
  };
  const values = await interleave({ a: side('A'), b: side('B') }, 3, 2);
  expect(order.join('')).toBe('ABAB' + 'AB' + 'BA' + 'AB');
  expect(values).toEqual({ a: [5, 8, 9], b: [6, 7, 10] });
});

test('begins no round past its time, once there are three', async () => {
  const slow = () => new Promise<number>((resolve) => setTimeout(resolve, 10, 1));
  expect((await interleave({ slow }, 100, 1, 5)).slow).toHaveLength(3);
  expect((await interleave({ slow }, 2, 1, 5)).slow).toHaveLength(2);
});

test('divides the time by the number of calls and waits for each', async () => {
  let running = 0;
  const work = async () => {
    expect(++running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    running--;
  };
  const perCall = await timePerCall(work, 3);
  expect(perCall).toBeGreaterThanOrEqual(9);
});
