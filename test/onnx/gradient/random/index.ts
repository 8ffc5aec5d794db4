/** Random shapes and attributes for each row of the table of gradient rules. */
import { elementwiseCases } from './elementwise.ts';
import type { Cases } from './generators.ts';
import { layoutCases } from './layout.ts';
import { sumCases } from './sums.ts';
import { windowCases } from './windows.ts';

export const RANDOM_CASES: Readonly<Record<string, Cases>> = {
  ...elementwiseCases,
  ...windowCases,
  ...sumCases,
  ...layoutCases,
};
