/** The page for everyone: by keyboard, for screen readers, in both themes, on a phone. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Playground, startPlayground } from './page/playground.ts';
import { draw, finished, lane, scrubTo } from './page/steps.ts';

let playground: Playground;
let axe: string;
beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  playground = await startPlayground();
});
afterAll(async () => {
  await playground?.close();
});

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 3, isMobile: true, hasTouch: true };

for (const colorScheme of ['light', 'dark'] as const) {
  test(`has nothing that axe finds serious, in the ${colorScheme} theme, from the key to a fork`, async () => {
    const page = await playground.open({ colorScheme, fragment: '' });
    await page.getByRole('textbox', { name: 'API key' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.goto(`${playground.url}/#key=${playground.apiKey}`);
    await page.getByRole('button', { name: 'Draw' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await draw(page, { count: 2, steps: 4, compare: true });
    expect(await seriousFaults(page)).toEqual([]);
    await finished(page, 'A');
    await finished(page, 'B');
    await scrubTo(page, 'A', 2);
    expect(await seriousFaults(page)).toEqual([]);
    await lane(page, 'A').getByRole('button', { name: 'Fork at step 2' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.context().close();
  });
}

test('draws, scrubs back and forks by keyboard alone', async () => {
  const page = await playground.open();
  await page.getByRole('button', { name: 'Draw' }).waitFor();
  await tabTo(page, 'Images');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('2');
  await tabTo(page, 'Steps');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('6');
  await tabTo(page, 'Draw');
  await page.keyboard.press('Enter');
  await finished(page, 'A');
  await finished(page, 'B');
  await tabTo(page, 'Time, from noise to picture');
  for (let press = 0; press < 3; press++) await page.keyboard.press('ArrowLeft');
  await lane(page, 'A').getByText('showing step 3').waitFor();
  await tabTo(page, 'Fork at step 3…', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Fork B at step 3' }).waitFor();
  await tabTo(page, 'Fork');
  await page.keyboard.press('Enter');
  await lane(page, 'C').getByRole('heading', { name: 'Fork of B at step 3' }).waitFor();
  // The button that had the focus is gone: the focus stays near the pictures.
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('stage-title');
  await finished(page, 'C');
  await page.context().close();
});

test('fits a phone without scrolling sideways, with every pixel a whole number of the screen’s', async () => {
  const page = await playground.open(PHONE);
  await page.getByRole('button', { name: 'Draw' }).waitFor();
  expect(await overflow(page)).toBe(0);
  await draw(page, { count: 9, steps: 4, compare: true });
  expect(await overflow(page)).toBe(0);
  await finished(page, 'A');
  await finished(page, 'B');
  await scrubTo(page, 'B', 2);
  expect(await overflow(page)).toBe(0);
  const widths = await lane(page, 'A')
    .getByRole('img')
    .evaluateAll((images) => images.map((image) => image.getBoundingClientRect().width));
  expect(widths).toHaveLength(9);
  for (const width of widths) {
    const multiple = (width * PHONE.deviceScaleFactor) / 32;
    expect(multiple).toBeGreaterThan(1);
    // Chromium lays out in 64ths of a CSS pixel.
    expect(Math.abs(multiple - Math.round(multiple))).toBeLessThan(0.01);
  }
  const [a, b] = await Promise.all(['A', 'B'].map((letter) => lane(page, letter).boundingBox()));
  expect(a!.y).toBe(b!.y);
  await page.context().close();
});

interface Fault {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** By axe-core: rules broken with impact serious or critical, and where. */
async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's own policy allows none that is inline.
  await page.evaluate(axe);
  const { violations } = await page.evaluate<{ violations: Fault[] }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** CSS pixels by which the page is wider than its window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
}

/** Presses Tab until the element with this name has the focus, and expects to see that it has. */
async function tabTo(page: Page, name: string, key = 'Tab'): Promise<void> {
  for (let press = 0; press < 80; press++) {
    await page.keyboard.press(key);
    const focused = await page.evaluate<string | null>(
      `(() => {
        const element = document.activeElement;
        return element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
      })()`,
    );
    if (focused !== name) continue;
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).not.toBe('none');
    return;
  }
  throw new Error(`Tab never came to "${name}"`);
}
