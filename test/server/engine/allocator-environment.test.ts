import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openEngine, slowGraph, slowModel, writeGraph } from './graphs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-allocator-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The threshold in the environment of a new engine process. */
async function thresholdOfEngine(): Promise<string | undefined> {
  const engine = await openEngine(slowModel(folder, await writeGraph(folder, slowGraph())));
  onTestFinished(() => engine.close());
  const environment = await readFile(`/proc/${engine.pids[0]}/environ`, 'utf8');
  return /(?:^|\0)MALLOC_MMAP_THRESHOLD_=(\d+)/.exec(environment)?.[1];
}

test.runIf(existsSync('/proc/self/environ'))(
  'an engine gives large blocks back, unless the environment of the server says otherwise',
  async () => {
    expect(await thresholdOfEngine()).toBe('1048576');
    vi.stubEnv('MALLOC_MMAP_THRESHOLD_', '4096');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await thresholdOfEngine()).toBe('4096');
  },
);
