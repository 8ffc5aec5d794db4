import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildSite, siteFolder } from '../../../src/cli/site/build-site.ts';

test('every page has its document, script and style, and the document loads nothing but files beside it', async () => {
  await buildSite();
  for (const page of ['playground', 'docs']) {
    expect(await readdir(join(siteFolder, page))).toEqual(
      expect.arrayContaining(['index.html', 'main.css', 'main.js']),
    );
    const html = await readFile(join(siteFolder, page, 'index.html'), 'utf8');
    const loaded = [...html.matchAll(/<(?:script|link|img)[^>]*(?:src|href)="([^"]*)"/g)].map(
      ([, url]) => url!,
    );
    expect(loaded.length).toBeGreaterThan(0);
    for (const url of loaded.filter((each) => !each.startsWith('data:')))
      expect((await stat(join(siteFolder, url))).isFile()).toBe(true);
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  }
});

test('builds again when something is missing, and takes away what no build writes', async () => {
  await buildSite();
  const script = join(siteFolder, 'docs/main.js');
  const before = await stat(script);
  await buildSite();
  expect((await stat(script)).mtimeMs).toBe(before.mtimeMs);

  await writeFile(join(siteFolder, 'docs/stale.js'), '');
  await rm(join(siteFolder, '../site.key'));
  await buildSite();
  expect((await stat(script)).mtimeMs).toBeGreaterThan(before.mtimeMs);
  expect(await readdir(join(siteFolder, 'docs'))).not.toContain('stale.js');
});
