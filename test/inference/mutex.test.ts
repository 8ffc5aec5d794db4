import { expect, test } from 'vitest';
import { Mutex } from '../../src/inference/embedded/mutex.ts';

test('tasks never interleave and keep their order, also after one that fails', async () => {
  const mutex = new Mutex();
  const log: string[] = [];
  const task = (name: string, fails = false) =>
    mutex.run(async () => {
      log.push(`${name} starts`);
      for (let turn = 0; turn < 3; turn++) await Promise.resolve();
      log.push(`${name} ends`);
      if (fails) throw new Error(`${name} failed`);
      return name;
    });
  const results = await Promise.allSettled([task('a'), task('b', true), task('c')]);
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  expect(results).toMatchObject([{ value: 'a' }, { reason: { message: 'b failed' } }, { value: 'c' }]);
});
