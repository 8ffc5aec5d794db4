import { expect, test } from 'vitest';
import { warmUpSizes } from '../../src/server/loaded-model.ts';

test('a model is warmed up at the sizes that runs will have, the largest first', () => {
  expect(warmUpSizes(16, null)).toEqual([16, 1]);
  expect(warmUpSizes(16, 10)).toEqual([16, 10, 1]);
  expect(warmUpSizes(16, 32)).toEqual([32, 16, 1]);
  expect(warmUpSizes(1, 1)).toEqual([1]);
});
