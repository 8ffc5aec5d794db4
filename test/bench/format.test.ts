import { describe, expect, test } from 'vitest';
import { cellsOf, figure, HEADINGS } from '../../src/bench/format.ts';
import type { Row } from '../../src/bench/measurement.ts';
import { compare } from '../../src/bench/statistics.ts';

const row: Row = {
  name: 'commit, 4 KB',
  unit: 'ms',
  floorIs: 'bare SQL write',
  ...compare([3, 3, 3], [2, 2, 2]),
};

test('figures keep three digits and never turn exponential', () => {
  const shown = [0, 0.00012, 0.1234, 1.234, 12.34, 123.4, 123_456, -0.5, -12.34].map(figure);
  expect(shown).toEqual(['0.00', '0.000', '0.123', '1.23', '12.3', '123', '123456', '-0.500', '-12.3']);
});

describe('cells', () => {
  test('there is one for each heading: name, both sides with their unit, ratio, difference, aim', () => {
    const cells = cellsOf(row);
    expect(cells).toHaveLength(HEADINGS.length);
    expect(cells).toEqual([
      'commit, 4 KB',
      '3.00 [3.00, 3.00] ms',
      '2.00 [2.00, 2.00] ms (bare SQL write)',
      '1.50 [1.50, 1.50]',
      '1.00 [1.00, 1.00] ms',
      '',
    ]);
  });

  test('an aim says what it is about and whether it was kept', () => {
    const aimCell = (aim: NonNullable<Row['aim']>) => cellsOf({ ...row, aim }).at(-1);
    expect(aimCell({ on: 'difference', atMost: 1 })).toBe('ours - floor at most 1 ms: met');
    expect(aimCell({ on: 'difference', atMost: 0.9 })).toBe('ours - floor at most 0.9 ms: MISSED');
    expect(aimCell({ on: 'ratio', atMost: 1.4 })).toBe('ratio at most 1.4: MISSED');
    expect(aimCell({ on: 'ours', atMost: 3 })).toBe('ours at most 3 ms: met');
  });
});
