import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Env } from '../../src/env.ts';
import { resolveSample } from '../../src/functions/resolve.ts';
import type { SampleRequest } from '../../src/functions/schemas/sample-request.ts';

function resolve(request: Partial<SampleRequest>, variables: Partial<Env> = {}) {
  const whence = { account: 'acc_test', origin: 'https://cairn.test', now: 0 };
  return resolveSample({ model: 'mnist-32', class: 3, ...request }, whence, { ...env, ...variables });
}

describe('a job', () => {
  it('is exact unless the request or the deployment says otherwise, in this order', () => {
    expect(resolve({}).reproducibility).toBe('exact');
    expect(resolve({ reproducibility: 'fast' }).reproducibility).toBe('fast');
    expect(resolve({}, { DEFAULT_REPRODUCIBILITY: 'fast' }).reproducibility).toBe('fast');
    const both = resolve({ reproducibility: 'exact' }, { DEFAULT_REPRODUCIBILITY: 'fast' });
    expect(both.reproducibility).toBe('exact');
  });

  it('keeps the precision that the deployment has when it is accepted', () => {
    expect(resolve({}).precision).toBe('fp32');
    expect(resolve({}, { INFERENCE_PRECISION: 'fp16' }).precision).toBe('fp16');
  });

  it('is not begun on a typo of the operator', () => {
    const typo = { DEFAULT_REPRODUCIBILITY: 'exakt' };
    expect(() => resolve({}, typo)).toThrow(/DEFAULT_REPRODUCIBILITY is "exakt", expected "exact" or "fast"/);
  });
});
