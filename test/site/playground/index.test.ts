/** The page as it is served. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { buildSite, siteFolder } from '../../../src/cli/site/build-site.ts';

beforeAll(() => buildSite());
const built = (file: string) => readFile(join(siteFolder, 'playground', file));

test('its scripts are under 40 KB, compressed', async () => {
  expect(gzipSync(await built('main.js')).byteLength).toBeLessThan(40 * 1024);
});

test('names no other origin, and has no inline script or style', async () => {
  const html = (await built('index.html')).toString();
  expect(html).not.toMatch(/https?:|<style|style=|<script(?![^>]* src=)/);
  expect((await built('main.css')).toString()).not.toMatch(/https?:|@import/);
});
