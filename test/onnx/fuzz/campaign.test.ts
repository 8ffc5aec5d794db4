import { describe, expect, it } from 'vitest';
import { runCampaign } from './campaign.ts';

/** The same damage on every run of the tests; `npm run fuzz` looks further. */
const SEED = 2105_05233 % 2 ** 31;

describe('a damaged file ends in a result or in one clear error', () => {
  it.each([
    ['zip', 400],
    ['pickle', 800],
    ['legacy', 1500],
    ['safetensors', 1000],
    ['onnx', 1500],
    ['inspect', 500],
  ] as const)('%s, %i times', async (target, cases) => {
    const report = await runCampaign({ target, seed: SEED, cases });
    expect(report.findings).toEqual([]);
    expect(report.cases).toBe(cases);
    // Otherwise the damage is too coarse or too mild to test anything.
    expect(report.accepted).toBeGreaterThan(0);
    expect(report.refusals.length).toBeGreaterThan(target === 'inspect' ? 0 : 10);
  });
});

describe('a campaign stops with the seed of the case', () => {
  it('that takes too long', async () => {
    await expect(runCampaign({ target: 'zip', seed: 40, cases: 5000, caseMs: 0 })).rejects.toThrow(
      /^case with seed \d+ of target zip takes more than 0 ms$/,
    );
  });

  it('that takes too much memory', async () => {
    await expect(runCampaign({ target: 'zip', seed: 40, cases: 5000, growthMiB: 1 })).rejects.toThrow(
      /^case with seed \d+ of target zip takes more than 1 MiB of memory$/,
    );
  });
});
