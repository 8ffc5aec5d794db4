/** /docs in a real Chromium: drawn whole, from here alone, in reach of everyone. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Playground, startPlayground } from './page/playground.ts';

let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(async () => {
  await playground?.close();
});

test.each(['light', 'dark'] as const)('is drawn from here alone, in the %s theme', async (colorScheme) => {
  const page = await playground.open({ colorScheme });
  await page.goto(`${playground.url}/docs`);
  await page.getByRole('heading', { name: /^Cairn/ }).waitFor();
  await page.locator('#operations-Samples-createSample .opblock-summary-control').click();
  await page.getByRole('button', { name: 'Try it out' }).waitFor();
  for (const url of playground.requests) expect(url).toMatch(/^(http:\/\/127\.0\.0\.1|data:|blob:)/);
  expect(playground.complaints).toEqual([]);

  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const faults = await page.evaluate<string[]>(
    `${axe}; axe.run().then(({ violations }) => violations.flatMap(({ id, impact, nodes }) =>
      impact === 'serious' || impact === 'critical' ? nodes.map((node) => id + ' ' + node.target) : []))`,
  );
  expect(faults).toEqual([]);
  await page.context().close();
});
