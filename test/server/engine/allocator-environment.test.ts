import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openEngine, slowGraph, slowModel, writeGraph } from './graphs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-allocator-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The threshold in the environment of a new engine process. */
async function thresholdOfEngine(large: boolean): Promise<string | undefined> {
  const file = await writeGraph(folder, slowGraph());
  const data = large ? await writeGraph(folder, Uint8Array.of(1), 'slow.onnx.data') : undefined;
  const engine = await openEngine(slowModel(folder, { ...file, ...(data && { data }) }));
  onTestFinished(() => engine.close());
  const environment = await readFile(`/proc/${engine.pids[0]}/environ`, 'utf8');
  return /(?:^|\0)MALLOC_MMAP_THRESHOLD_=(\d+)/.exec(environment)?.[1];
}

describe.runIf(existsSync('/proc/self/environ'))('how the C library hands out memory', () => {
  it('is left alone for small graphs', async () => {
    expect(await thresholdOfEngine(false)).toBeUndefined();
  });

  it('gives large blocks back for a large graph, unless the environment of the server says otherwise', async () => {
    expect(await thresholdOfEngine(true)).toBe('1048576');
    vi.stubEnv('MALLOC_MMAP_THRESHOLD_', '4096');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await thresholdOfEngine(true)).toBe('4096');
  });
});
