import { describe, expect, it } from 'vitest';
import { Comparison, formatCheck, formatHeader, largestDifference } from '../../src/verify/result.ts';

describe('Comparison', () => {
  it('passes with the error that comes closest to its tolerance', () => {
    const comparison = new Comparison();
    comparison.close('loose', [1.5], [1], 1);
    comparison.close('tight', [1.001], [1], 0.0011);
    comparison.same('exact', 'a', 'a');
    expect(comparison.result('f')).toMatchObject({ status: 'ok', cases: 3, tolerance: 0.0011 });
  });

  it('fails with every failure named', () => {
    const comparison = new Comparison();
    comparison.close('x of step 3', [1, 2], [1, 3], 0.5);
    comparison.same('timestep map', [1], [2]);
    const { status, detail } = comparison.result('f');
    expect(status).toBe('failed');
    expect(detail).toContain('x of step 3: 1.0e+0 > 5.0e-1');
    expect(detail).toContain('timestep map: got [1], expected [2]');
  });

  it('compares relatively where asked to', () => {
    const comparison = new Comparison();
    comparison.closeRelatively('table', [1e-20, 1e6], [1.1e-20, 1e6], 0.05);
    expect(comparison.result('f').status).toBe('failed');
  });
});

describe('largestDifference', () => {
  it('lets nothing pass that is not a number', () => {
    expect(largestDifference([NaN], [1])).toBe(Infinity);
    expect(largestDifference([1], [NaN])).toBe(Infinity);
    expect(largestDifference([Infinity], [1])).toBe(Infinity);
    expect(largestDifference([1], [1, 2])).toBe(Infinity);
    expect(largestDifference([NaN, -Infinity], [NaN, -Infinity])).toBe(0);
  });
});

describe('formatCheck', () => {
  it('lines its columns up under the header', () => {
    const checked = { cases: 12, maxError: 1.234e-7, tolerance: 1e-6 };
    const ok = formatCheck({ ...checked, file: 'a.npz', status: 'ok' });
    const failed = formatCheck({ ...checked, file: 'longer.npz', status: 'failed', detail: 'why' });
    expect(ok.indexOf('1.2e-7')).toBe(failed.indexOf('1.2e-7'));
    expect(formatHeader().indexOf('tolerance') + 'tolerance'.length).toBe(
      ok.indexOf('1.0e-6') + '1.0e-6'.length,
    );
    expect(ok.endsWith('  ok')).toBe(true);
    expect(failed.endsWith('  FAILED: why')).toBe(true);
  });

  it('has no numbers for a file that was not checked', () => {
    const line = formatCheck({ file: 'b.bin', cases: 0, maxError: 0, tolerance: 0, status: 'unknown' });
    expect(line).toMatch(/^b\.bin\s+unknown file$/);
  });
});
