import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type CheckResult, formatCheck, verifyDirectory } from '../../src/verify/index.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/core', import.meta.url));

const results: CheckResult[] = [];
for await (const result of verifyDirectory(FIXTURES)) results.push(result);

describe('src/core agrees with the reference implementation', () => {
  it('in every kind of golden file', () => {
    expect(results.map(({ file }) => file)).toEqual(
      expect.arrayContaining([
        'schedules.json',
        'respacing.json',
        'timestep_embedding.npz',
        'rng_cuda_philox.npz',
        'loop_ddim_eta_guided_rescaled.npz (core)',
      ]),
    );
    expect(results.filter(({ file }) => file.startsWith('steps_'))).toHaveLength(12);
  });

  it.each(
    results.filter(({ status }) => status !== 'not covered').map((result) => [result.file, result] as const),
  )('in %s', (_, result) => {
    expect(result.status, formatCheck(result)).toBe('ok');
    expect(result.cases).toBeGreaterThan(0);
  });
});
