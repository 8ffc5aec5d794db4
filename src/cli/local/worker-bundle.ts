/**
 * The Worker, bundled by wrangler once per version of its sources and kept: bundling costs two seconds of CPU, and a
 * restart must not pay for it again. wrangler.toml stays the one source of bindings.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, matchesGlob } from 'node:path';
import { promisify } from 'node:util';
import type { Json, V4ModuleDefinition } from 'miniflare';
import type { SourcelessWorkerOptions } from 'wrangler';
import { buildSite, siteFolder } from '../site/build-site.ts';
import { bundleKey } from './bundle-key.ts';
import { projectRoot } from './project.ts';

const CACHE = join(projectRoot, 'node_modules/.cache/cairn');
/** Bundles kept: an older one may still be about to be read by a process that is starting. */
const KEPT = 3;

export interface WorkerBundle {
  /** Folder the modules' names are relative to. */
  readonly root: string;
  /** The main module first. */
  readonly modules: V4ModuleDefinition[];
  /** Bindings, queues and objects, as wrangler.toml declares them. */
  readonly options: BundleOptions;
}

type BundleOptions = Omit<SourcelessWorkerOptions, 'modulesRules' | 'bindings'> & {
  /** Variables of wrangler.toml. */
  readonly bindings?: Readonly<Record<string, Json>>;
};

/** What is stored beside the modules. */
interface Stored {
  readonly modules: { type: V4ModuleDefinition['type']; file: string }[];
  readonly options: BundleOptions;
}

/**
 * @param main another main module than wrangler.toml's, an index.ts relative to the project; all else stays as declared
 * @throws {Error} with wrangler's own message if the Worker does not bundle
 */
export async function loadWorkerBundle(main?: string): Promise<WorkerBundle> {
  const suffix = main === undefined ? '' : `-${main.replaceAll(/\W+/g, '-')}`;
  const folder = join(CACHE, (await bundleKey(projectRoot)) + suffix);
  await buildSite();
  const stored = (await readStored(folder)) ?? (await build(folder, main));
  return {
    root: folder,
    modules: stored.modules.map(({ type, file }) => ({ type, path: join(folder, file) })),
    options: { ...stored.options, assets: { ...stored.options.assets!, directory: siteFolder } },
  };
}

async function readStored(folder: string): Promise<Stored | null> {
  const text = await readFile(join(folder, 'worker.json'), 'utf8').catch(() => null);
  return text === null ? null : JSON.parse(text);
}

/** Built aside and renamed into place whole, so that processes starting at the same time see all of it or nothing. */
async function build(folder: string, entry: string | undefined): Promise<Stored> {
  await mkdir(CACHE, { recursive: true });
  const aside = await mkdtemp(join(CACHE, 'building-'));
  try {
    const [, { unstable_getMiniflareWorkerOptions: readOptions }] = await Promise.all([
      runWrangler(['deploy', ...(entry === undefined ? [] : [entry]), '--dry-run', '--outdir', aside]),
      import('wrangler'),
    ]);
    const { workerOptions, main } = readOptions(join(projectRoot, 'wrangler.toml'));
    if (main === undefined) throw new Error('wrangler.toml names no main module');
    const { modulesRules = [], ...options } = workerOptions;
    const stored = { modules: listModules(await readdir(aside), modulesRules), options };
    await writeFile(join(aside, 'worker.json'), JSON.stringify(stored));
    await rename(aside, folder).catch(async (error: NodeJS.ErrnoException) => {
      // Another process was faster with the same bytes.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await prune();
    return stored;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

type ModuleRules = NonNullable<SourcelessWorkerOptions['modulesRules']>;

/** wrangler writes the main module as index.js and every other module under a hashed name of its own. */
function listModules(files: readonly string[], rules: ModuleRules): Stored['modules'] {
  const others = files.flatMap((file) => {
    const rule = rules.find(({ include }) => include.some((glob) => matchesGlob(file, glob)));
    return rule === undefined ? [] : [{ type: rule.type, file }];
  });
  return [{ type: 'ESModule', file: 'index.js' }, ...others];
}

async function runWrangler(args: string[]): Promise<void> {
  const cli = join(createRequire(import.meta.url).resolve('wrangler/package.json'), '../bin/wrangler.js');
  const env = {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    WRANGLER_WRITE_LOGS: 'false',
    WRANGLER_LOG: 'error',
  };
  try {
    await promisify(execFile)(process.execPath, [cli, ...args], { cwd: projectRoot, env });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`the Worker could not be bundled: ${stderr.trim() || String(error)}`, { cause: error });
  }
}

async function prune(): Promise<void> {
  const names = await readdir(CACHE);
  const aged = await Promise.all(
    names.map(async (name) => {
      const path = join(CACHE, name);
      const info = await stat(path).catch(() => null);
      return { path, age: Date.now() - (info?.mtimeMs ?? 0) };
    }),
  );
  const old = aged.sort((a, b) => a.age - b.age).slice(KEPT);
  await Promise.all(old.map(({ path }) => rm(path, { recursive: true, force: true })));
}
