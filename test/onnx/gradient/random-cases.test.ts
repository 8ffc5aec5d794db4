import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differentiableOperators } from '../../../src/onnx/gradient/registry.ts';
import { compare, type Engine64 } from './finite-differences.ts';
import { RANDOM_CASES } from './random/index.ts';

/** Of each row; CAIRN_FUZZ_RUNS=200 asks for more, with another seed each time. */
const RUNS = Number(process.env.CAIRN_FUZZ_RUNS ?? 8);

/** Rows that were compared in doubles, and what ran them. */
const compared = new Map<string, Set<Engine64>>();

describe('over random shapes and attributes', () => {
  it('every row of the table is tried', () => {
    expect(Object.keys(RANDOM_CASES).sort()).toEqual(differentiableOperators);
  });

  it.each(Object.entries(RANDOM_CASES))('%s agrees with finite differences', async (opType, cases) => {
    const engines = new Set<Engine64>();
    await fc.assert(
      fc.asyncProperty(cases, async (test) => {
        const { error, engine, gradient, expected } = await compare(test);
        expect(error, `${engine}: ${gradient} against ${expected}`).toBeLessThanOrEqual(1);
        engines.add(engine);
      }),
      { numRuns: RUNS, ...(process.env.CAIRN_FUZZ_RUNS === undefined && { seed: 2105 }) },
    );
    compared.set(opType, engines);
  });

  it('every row was compared in double precision, by loops where onnxruntime has none', () => {
    expect([...compared.keys()].sort()).toEqual(differentiableOperators);
    const byLoops = [...compared].filter(([, engines]) => engines.has('loops')).map(([opType]) => opType);
    expect(byLoops.sort()).toEqual(BY_LOOPS);
  });
});

/** Forward or gradient have no kernel for doubles, or one that rounds to float32 on the way. */
const BY_LOOPS: readonly string[] = [
  'Atan',
  'AveragePool',
  'Cast',
  'CastLike',
  'Celu',
  'Conv',
  'ConvTranspose',
  'Elu',
  'Erf',
  'Gelu',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'GroupNormalization',
  'HardSigmoid',
  'HardSwish',
  'InstanceNormalization',
  'LRN',
  'LayerNormalization',
  'Mean',
  'Resize',
  'Selu',
  'Softplus',
  'Softsign',
  'Tan',
  'ThresholdedRelu',
];
