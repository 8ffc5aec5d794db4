/**
 * Bundles src/site into dist/site, which Workers static assets serve. Whoever needs the site calls this first: it does
 * nothing while the sources are what they were.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { bundleKey } from '../local/bundle-key.ts';
import { projectRoot } from '../local/project.ts';

/** A folder of src/site for each page, with index.html, main.ts and what that imports; named alike in the built site. */
const PAGES = ['playground', 'docs'];

/** Where the built site lies; wrangler.toml names the same folder. */
export const siteFolder: string = join(projectRoot, 'dist/site');

/** Beside the folder, not in it: what is in it is served. */
const KEY_FILE = join(projectRoot, 'dist/site.key');
const INPUTS = ['package-lock.json', 'src'];

/** @throws {Error} with esbuild's message if a page does not bundle */
export async function buildSite(): Promise<void> {
  const key = await bundleKey(projectRoot, INPUTS);
  if ((await readFile(KEY_FILE, 'utf8').catch(() => '')) === key) return;
  const files = await bundlePages();
  await mkdir(siteFolder, { recursive: true });
  for (const [name, content] of files) await writeWhole(join(siteFolder, name), content);
  await removeOthers(new Set(files.keys()));
  await writeWhole(KEY_FILE, key);
}

/** @returns content by path in the site, e.g. `docs/main.js` */
async function bundlePages(): Promise<Map<string, string | Uint8Array>> {
  const sources = join(projectRoot, 'src/site');
  const { outputFiles } = await build({
    absWorkingDir: projectRoot,
    entryPoints: PAGES.map((page) => ({ in: join(sources, page, 'main.ts'), out: `${page}/main` })),
    outdir: siteFolder,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    legalComments: 'eof',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'file', '.woff2': 'file' },
    write: false,
    logLevel: 'silent',
  });
  const files = new Map<string, string | Uint8Array>();
  for (const { path, contents } of outputFiles) files.set(path.slice(siteFolder.length + 1), contents);
  for (const page of PAGES) {
    files.set(`${page}/index.html`, await readFile(join(sources, page, 'index.html'), 'utf8'));
  }
  return files;
}

/** Renamed into place, so that a server that runs meanwhile never reads half a file. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const aside = `${path}.${process.pid}`;
  await writeFile(aside, content);
  await rename(aside, path);
}

/** What an earlier build wrote and this one did not. Files of another build under way end with its process id. */
async function removeOthers(kept: ReadonlySet<string>): Promise<void> {
  for (const entry of await readdir(siteFolder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || kept.has(path.slice(siteFolder.length + 1)) || /\.\d+$/.test(path)) continue;
    await rm(path, { force: true });
  }
}
