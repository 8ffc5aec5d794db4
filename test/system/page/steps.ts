/** What a person does and sees on the page. */
import type { Locator, Page } from 'playwright-core';

export interface Wish {
  readonly count: number;
  readonly steps: number;
  readonly compare?: boolean;
}

export async function fill(page: Page, { count, steps, compare = false }: Wish): Promise<void> {
  await page.getByLabel('Images', { exact: true }).fill(String(count));
  await page.getByLabel('Steps', { exact: true }).fill(String(steps));
  await page.getByLabel('Compare with unguided').setChecked(compare);
}

export async function draw(page: Page, wish: Wish): Promise<void> {
  await fill(page, wish);
  await page.getByRole('button', { name: 'Draw' }).click();
  await lane(page, 'A').waitFor();
}

export function lane(page: Page, letter: string): Locator {
  return page.getByRole('article', { name: new RegExp(`^${letter} `) });
}

export async function finished(page: Page, letter: string): Promise<void> {
  await lane(page, letter).getByText('Done').waitFor();
}

/** Of every image of a lane, in order. */
export function sources(page: Page, letter: string): Promise<string[]> {
  return lane(page, letter)
    .getByRole('img')
    .evaluateAll((images) => images.map((image) => (image as unknown as { src: string }).src));
}

/** The timeline's slider, moved by keys until the lane shows a step. */
export async function scrubTo(page: Page, letter: string, step: number): Promise<void> {
  const slider = page.getByRole('slider', { name: 'Time, from noise to picture' });
  await slider.focus();
  for (let presses = 0; presses < 100; presses++) {
    const text = await slider.getAttribute('aria-valuetext');
    const at = Number(new RegExp(`${letter} step (\\d+)`).exec(text ?? '')?.[1]);
    if (at === step) return;
    await page.keyboard.press(at > step ? 'ArrowLeft' : 'ArrowRight');
  }
  throw new Error(`the slider never came to step ${step} of ${letter}`);
}
