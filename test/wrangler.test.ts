/** What wrangler.toml says twice because the platform has it so. */
import { expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';

interface RateLimitBinding {
  readonly name: string;
  readonly simple: { readonly limit: number; readonly period: number };
}

test('answers name the rate limits that the platform holds', () => {
  const { ratelimits, vars } = unstable_readConfig({ config: 'wrangler.toml' });
  const limits = Object.fromEntries(
    ratelimits.map(({ name, simple }: RateLimitBinding) => [name, [String(simple.limit), simple.period]]),
  );
  expect(limits).toEqual({
    READ_LIMIT: [vars.READS_PER_MINUTE, 60],
    WRITE_LIMIT: [vars.WRITES_PER_MINUTE, 60],
  });
});
