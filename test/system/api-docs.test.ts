/** docs/api.md: every example runs, in order, against a Cairn on this machine. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../src/cli/local/project.ts';
import { freePort } from './free-port.ts';
import { startCairn, stopCairn } from './local-cairn.ts';
import { killStartedScripts } from './npm-script.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 240_000;

let folder: string;
let cairn: ReturnType<typeof startCairn>;
let environment: NodeJS.ProcessEnv;
let page: string;
beforeAll(async () => {
  page = await readFile(join(projectRoot, 'docs/api.md'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'cairn-docs-test-'));
  const port = await freePort();
  cairn = startCairn({ data: join(folder, 'data'), port });
  await cairn.client();
  const apiKey = (await readFile(join(folder, 'data/api-key'), 'utf8')).trim();
  environment = { ...process.env, CAIRN_API_URL: `http://127.0.0.1:${port}`, CAIRN_API_KEY: apiKey };
}, 120_000);
afterAll(async () => {
  await stopCairn(cairn);
  killStartedScripts();
  await rm(folder, { recursive: true, force: true });
});

/** Every block of the language, as one program. */
function examples(language: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))];
  expect(blocks.length).toBeGreaterThan(8);
  return blocks.map(([, code]) => code).join('\n');
}

async function inFolder(name: string): Promise<string> {
  const cwd = join(folder, name);
  await mkdir(cwd);
  return cwd;
}

test('each step is shown in all three languages', () => {
  for (const section of page.split(/^## /m).slice(1)) {
    if (/^(From the command line|Another language)/.test(section)) continue;
    for (const language of ['sh', 'ts', 'python']) {
      expect(section, section.split('\n')[0]).toContain(`\`\`\`${language}\n`);
    }
  }
});

test('curl', { timeout: TIMEOUT_MS }, async () => {
  const cwd = await inFolder('sh');
  const script = `set -euo pipefail\n${examples('sh')}`;
  await run('bash', ['-c', script], { cwd, env: environment, timeout: TIMEOUT_MS });
  expect((await stat(join(cwd, 'samples.npz'))).size).toBeGreaterThan(2 * 32 * 32);
});

test('TypeScript', { timeout: TIMEOUT_MS }, async () => {
  // In the project, where `cairn/client` names it.
  const program = join(projectRoot, 'dist', `docs-api-${process.pid}.ts`);
  await mkdir(join(projectRoot, 'dist'), { recursive: true });
  await writeFile(program, examples('ts'));
  const cwd = await inFolder('ts');
  try {
    await checkTypes(program);
    const { stdout } = await run(join(projectRoot, 'node_modules/.bin/node'), [program], {
      cwd,
      env: environment,
      timeout: TIMEOUT_MS,
    });
    expect(stdout).toMatch(/step 6 of 6/);
    expect(stdout).toContain('sample.succeeded');
  } finally {
    await rm(program);
  }
  expect((await stat(join(cwd, 'grid.png'))).size).toBeGreaterThan(500);
});

test('Python', { timeout: TIMEOUT_MS }, async () => {
  const cwd = await inFolder('python');
  await writeFile(join(cwd, 'examples.py'), examples('python'));
  const { stdout } = await run(findPython(), ['examples.py'], { cwd, env: environment, timeout: TIMEOUT_MS });
  expect(stdout).toContain('(2, 32, 32, 1) uint8 [3 1]');
  expect(stdout).toContain('sample.succeeded');
});

/** As whoever writes against the client has them checked. @throws with what the compiler says */
async function checkTypes(program: string): Promise<void> {
  const tsc = join(projectRoot, 'node_modules/.bin/tsc');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions', '--types', 'node'];
  const libraries = ['--target', 'es2024', '--module', 'nodenext', '--lib', 'es2024,dom,esnext.typedarrays'];
  await run(tsc, [...flags, ...libraries, '--ignoreConfig', program], { cwd: projectRoot }).catch(
    ({ stdout }: { stdout: string }) => {
      throw new Error(stdout);
    },
  );
}

/** The first Python that has what the page needs. */
function findPython(): string {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import numpy, requests'], { stdio: 'ignore' });
      return python;
    } catch {
      // The next one may have them.
    }
  }
  throw new Error(
    'the examples of docs/api.md need python3 with requests and numpy: apt-get install python3-requests python3-numpy, or pip install requests numpy',
  );
}
