import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differentiableOperators } from '../../../src/onnx/gradient/registry.ts';
import { compare } from './finite-differences.ts';
import { RANDOM_CASES } from './random/index.ts';

/** Of each row; CAIRN_FUZZ_RUNS=200 asks for more, with another seed each time. */
const RUNS = Number(process.env.CAIRN_FUZZ_RUNS ?? 8);

describe('over random shapes and attributes', () => {
  it('every row of the table is tried', () => {
    expect(Object.keys(RANDOM_CASES).sort()).toEqual(differentiableOperators);
  });

  it.each(Object.entries(RANDOM_CASES))('%s agrees with finite differences', async (_, cases) => {
    await fc.assert(
      fc.asyncProperty(cases, async (test) => {
        const { error, precision, gradient, expected } = await compare(test);
        expect(error, `${precision}: ${gradient} against ${expected}`).toBeLessThanOrEqual(1);
      }),
      { numRuns: RUNS, ...(process.env.CAIRN_FUZZ_RUNS === undefined && { seed: 2105 }) },
    );
  });
});
