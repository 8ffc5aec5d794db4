/** The page at `/`, in a real Chromium against a real Cairn. */

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readApng } from '../support/apng.ts';
import { PATIENCE, type Playground, startPlayground } from './page/playground.ts';
import { draw, fill, finished, lane, scrubTo, sources } from './page/steps.ts';

let playground: Playground;
beforeAll(async () => {
  playground = await startPlayground();
});
afterAll(async () => {
  await playground?.close();
});

test('takes the key from the address and off it again', async () => {
  const page = await playground.open();
  await page.getByRole('button', { name: 'Draw' }).waitFor();
  expect(page.url()).toBe(`${playground.url}/`);
  await page.reload();
  await page.getByRole('button', { name: 'Draw' }).waitFor();
  await page.context().close();
});

test('asks for a key, and says at the field that one is bad', async () => {
  const page = await playground.open({ fragment: '' });
  const field = page.getByRole('textbox', { name: 'API key' });
  await page.getByRole('button', { name: 'Use this key' }).click();
  await expectDescription(field, 'An API key is needed');
  await field.fill('cairn_nonsense');
  await page.getByRole('button', { name: 'Use this key' }).click();
  await expectDescription(field, 'this API key is not known here');
  await field.fill(playground.apiKey);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Draw' }).waitFor();
  await page.context().close();
});

test('draws guided beside unguided: the mosaics sharpen while they run, and end in the API’s pictures', async () => {
  const page = await playground.open();
  await draw(page, { count: 2, steps: 40, compare: true });
  const seen = new Set<string>();
  await expect
    .poll(
      async () => {
        const [first] = await sources(page, 'A');
        if (first?.startsWith('data:')) seen.add(first);
        return seen.size;
      },
      { timeout: PATIENCE, interval: 100 },
    )
    .toBeGreaterThan(3);
  expect(await lane(page, 'A').getByRole('progressbar').getAttribute('value')).not.toBe('1');
  await expect
    .poll(() => lane(page, 'A').textContent(), { timeout: PATIENCE })
    .toMatch(/of 40 steps · [\d.]+ steps\/s · .+ left/);
  await finished(page, 'A');
  await finished(page, 'B');

  const ids = /sample=(.*)$/.exec(page.url())?.[1]?.split(',') ?? [];
  const [guided, unguided] = await Promise.all(ids.map((id) => playground.client.readSample(id)));
  expect(guided!.request).toMatchObject({ guidance_scale: 4, classes: [8], seed: unguided!.request.seed });
  expect(unguided!.request).toMatchObject({ guidance_scale: 0 });
  const shown = await sources(page, 'A');
  expect(shown.map((url) => new URL(url).pathname)).toEqual([
    `/v1/samples/${guided!.id}/images/0.png`,
    `/v1/samples/${guided!.id}/images/1.png`,
  ]);
  await page.context().close();
});

test('scrubs back through kept steps and forks there, the shared part marked, and a link shows both again', async () => {
  const page = await playground.open();
  await draw(page, { count: 2, steps: 10 });
  await finished(page, 'A');
  const final = await sources(page, 'A');
  await scrubTo(page, 'A', 4);
  await expect.poll(() => sources(page, 'A')).not.toEqual(final);
  const atFour = await sources(page, 'A');

  await lane(page, 'A').getByRole('button', { name: 'Fork at step 4' }).click();
  const dialog = page.getByRole('dialog', { name: 'Fork A at step 4' });
  await dialog.getByRole('checkbox', { name: '8' }).setChecked(false, { force: true });
  await dialog.getByRole('checkbox', { name: '3' }).setChecked(true, { force: true });
  await dialog.getByLabel('Guidance scale, as a number').fill('6');
  await dialog.getByLabel('Steps from here').fill('8');
  await dialog.getByRole('button', { name: 'Fork', exact: true }).click();
  await lane(page, 'B').getByRole('heading', { name: 'Fork of A at step 4' }).waitFor();
  await finished(page, 'B');
  expect(await sources(page, 'B')).not.toEqual(final);

  const [, fork] = /sample=(.*)$/.exec(page.url())![1]!.split(',');
  const sample = await playground.client.readSample(fork!);
  expect(sample).toMatchObject({
    progress: { steps: 12 },
    forked_from: { step: 4 },
    request: { classes: [3], guidance_scale: 6 },
  });

  // Before the fork both show the very same pictures.
  await scrubTo(page, 'A', 4);
  await expect.poll(() => sources(page, 'B')).toEqual(atFour);
  await lane(page, 'B').getByText('showing step 4, shared').waitFor();
  expect(await page.locator('.cell.shared').count()).toBeGreaterThan(0);

  // In a page that stands there with a form of its own already.
  const again = await playground.open();
  const count = again.getByLabel('Images', { exact: true });
  expect(await count.inputValue()).toBe('9');
  await again.goto(page.url());
  await lane(again, 'B').getByRole('heading', { name: 'Fork of A at step 4' }).waitFor();
  await finished(again, 'B');
  await expect.poll(() => count.inputValue()).toBe('2');
  // What somebody has typed is not written over.
  await count.fill('5');
  await again.goto(`${playground.url}/#sample=${fork}`);
  await lane(again, 'B').waitFor({ state: 'detached' });
  await again.goto(page.url());
  await finished(again, 'B');
  expect(await count.inputValue()).toBe('5');
  await page.context().close();
  await again.context().close();
});

test('pauses, steers, resumes and cancels what runs', async () => {
  const page = await playground.open();
  await draw(page, { count: 1, steps: 1000 });
  const a = lane(page, 'A');
  await a.getByText('Drawing').waitFor();
  await a.getByRole('button', { name: 'Pause' }).click();
  await a.getByText('Paused', { exact: true }).waitFor();
  await a.getByRole('button', { name: 'Steer' }).click();
  const dialog = page.getByRole('dialog', { name: 'Steer A' });
  await dialog.getByLabel('Guidance scale, as a number').fill('500');
  await dialog.getByRole('button', { name: 'Change course' }).click();
  await expectDescription(dialog.getByLabel('Guidance scale, as a number'), '100');
  await dialog.getByLabel('Guidance scale, as a number').fill('9');
  await dialog.getByRole('button', { name: 'Change course' }).click();
  await dialog.waitFor({ state: 'detached' });
  await a.getByRole('button', { name: 'Resume' }).click();
  await a.getByText(/class 8, scale 9/).waitFor();
  await a.getByRole('button', { name: 'Cancel' }).click();
  await a.getByText('Canceled', { exact: true }).waitFor();
  await page.context().close();
});

test('shows what the API says of a field at that field, and gives it the focus', async () => {
  const page = await playground.open();
  await fill(page, { count: 2, steps: 5000 });
  await page.getByRole('button', { name: 'Draw' }).click();
  const steps = page.getByLabel('Steps', { exact: true });
  await expectDescription(steps, '5000');
  await expect.poll(() => steps.evaluate((field) => field.matches(':focus'))).toBe(true);
  await page.context().close();
});

test('says the same with curl, without the key', async () => {
  const page = await playground.open();
  await fill(page, { count: 3, steps: 7 });
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  const text = (await page.getByRole('dialog').locator('pre').textContent()) ?? '';
  expect(text).toContain('$CAIRN_API_KEY');
  expect(text).not.toContain(playground.apiKey);
  const body = JSON.parse(/-d '(.*)'$/.exec(text)![1]!);
  expect(await playground.client.createSample(body)).toMatchObject({ request: { count: 3, classes: [8] } });
  await page.context().close();
});

test('takes a scale for each step: a list begins as the curve that was there, and fits after a stretch', async () => {
  const page = await playground.open();
  await fill(page, { count: 1, steps: 3 });
  const kind = page.getByLabel('Over time');
  await kind.selectOption('Between two timesteps');
  await kind.selectOption('Step by step');
  const list = page.getByLabel('Scales, from noise to picture');
  expect(await list.inputValue()).toBe('0, 4, 0');
  await list.fill('6 x');
  await page.getByText('2 scales for 3 steps').waitFor();
  await page.getByRole('button', { name: 'Draw' }).click();
  await expectDescription(list, 'Scale 2: .*number');
  await list.fill('6 3');
  await page.getByRole('button', { name: 'Draw' }).click();
  await expectDescription(list, 'one for each of the 3 steps, got 2');
  await page.getByRole('button', { name: 'Stretch to fit' }).click();
  await page.getByRole('button', { name: 'Draw' }).click();
  await lane(page, 'A').getByText('scales 3 to 6, step by step').waitFor();
  const [id] = /sample=(.*)$/.exec(page.url())![1]!.split(',');
  const { request } = await playground.client.readSample(id!);
  expect(request.guidance_scale).toEqual({ type: 'list', scales: [6, 4.5, 3] });
  await page.context().close();
});

test('hands out a picture, the sheet, the arrays and the animation as files', async () => {
  const page = await playground.open();
  await draw(page, { count: 2, steps: 2 });
  await finished(page, 'A');
  const heads: [string, number[]][] = [
    ['PNG of image 1', [0x89, 0x50, 0x4e, 0x47]],
    ['Sheet', [0x89, 0x50, 0x4e, 0x47]],
    ['NPZ', [0x50, 0x4b, 0x03, 0x04]],
    ['Animation', [0x89, 0x50, 0x4e, 0x47]],
  ];
  const files = new Map<string, Buffer>();
  for (const [name, head] of heads) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      lane(page, 'A').getByRole('link', { name }).click(),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    files.set(name, Buffer.concat(chunks));
    expect([...files.get(name)!.subarray(0, 4)], name).toEqual(head);
  }
  // The browser's own decoder sees the frames that the strict reader of the tests does.
  const animation = files.get('Animation')!;
  const { width, height, frames } = await readApng(animation);
  expect([width, height, frames.length]).toEqual([134, 68, 2]);
  expect(await decodedBy(page, animation)).toEqual(
    frames.map(({ delayMs, pixels }) => ({ delayMs, grey: Buffer.from(pixels).toString('base64') })),
  );
  await page.context().close();
});

test('asks no other origin for anything, and nothing it does is against its own policy', () => {
  const foreign = playground.requests.filter(
    (url) => !url.startsWith(playground.url) && !/^(data|blob):/.test(url),
  );
  expect(foreign).toEqual([]);
  expect(playground.requests.length).toBeGreaterThan(20);
  const refused = playground.complaints.filter((text) => !/status of (401|422)/.test(text));
  expect(refused).toEqual([]);
});

/** Frames of an animation as Chromium decodes them: the red of each pixel, which is the grey of a grey one. */
function decodedBy(page: Page, animation: Buffer): Promise<{ delayMs: number; grey: string }[]> {
  return page.evaluate(`(async () => {
    const data = Uint8Array.from(atob('${animation.toString('base64')}'), (c) => c.charCodeAt(0));
    const decoder = new ImageDecoder({ data, type: 'image/png', colorSpaceConversion: 'none' });
    await decoder.tracks.ready;
    await decoder.completed;
    const frames = [];
    for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight).getContext('2d');
      canvas.drawImage(image, 0, 0);
      const { data: rgba } = canvas.getImageData(0, 0, image.displayWidth, image.displayHeight);
      const red = rgba.filter((_, i) => i % 4 === 0);
      frames.push({ delayMs: image.duration / 1000, grey: btoa(String.fromCharCode(...red)) });
    }
    return frames;
  })()`);
}

/** What a screen reader says of a field beside its name. */
async function expectDescription(field: ReturnType<typeof lane>, text: string): Promise<void> {
  await expect
    .poll(
      () =>
        field.evaluate((element) => {
          const ids = element.getAttribute('aria-describedby') ?? '';
          const texts = ids
            .split(' ')
            .map((id: string) => element.ownerDocument.getElementById(id)?.textContent ?? '');
          return `${element.getAttribute('aria-invalid')}: ${texts.join(' ')}`;
        }),
      { timeout: PATIENCE },
    )
    .toMatch(new RegExp(`^true: .*${text}`));
}
