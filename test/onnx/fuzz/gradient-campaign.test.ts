import { expect, it } from 'vitest';
import { runGradientCampaign } from './gradient-campaign.ts';

it('holds random cases of operator after operator against finite differences', async () => {
  const report = await runGradientCampaign({ seed: 2105, timeMs: 60_000, cases: 12 });
  expect(report).toMatchObject({ cases: 12, findings: [] });
  expect(report.worst).toBeGreaterThan(0);
});

it('reports a gradient that is off, or can not be had, with the seed that gives it again', async () => {
  const shapes: string[] = [];
  const campaign = (seed: number, cases: number) =>
    runGradientCampaign({
      seed,
      cases,
      timeMs: 60_000,
      check: async ({ shape }) => {
        shapes.push(`${shape}`);
        if (shapes.length === 2) throw new Error('no kernel');
        return { error: shapes.length === 3 ? Number.NaN : 2 };
      },
    });
  const { findings } = await campaign(40, 3);
  expect(findings.map(({ seed }) => seed)).toEqual([40, 41, 42]);
  expect(findings.map(({ problem }) => problem.replace(/^\w+/, ''))).toEqual([
    ' is off by 2 tolerances',
    ': no kernel',
    ' is off by NaN tolerances',
  ]);
  await campaign(42, 1);
  expect(shapes[3]).toBe(shapes[2]);
});
