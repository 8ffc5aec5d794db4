/** What clients see of a server whose engine is busy, dies or is replaced. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import { slowDiffusion } from './engine/graphs.ts';
import { infer } from './protocol-client.ts';
import { tinyManifest, writeTinyModel } from './tiny-model.ts';

/** Timestep, and rows of the matrices, of a run of about a second, and of one that something has to end. */
const LONG = 700;
const FOREVER = 6000;

let dir: string;
let server: RunningServer;
/** Children that this process had before the server. */
let others: readonly number[];
beforeEach(async () => {
  others = await childrenOf(process.pid);
  dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  const bytes = slowDiffusion();
  await mkdir(join(dir, 'slow'));
  await writeFile(join(dir, 'slow', 'diffusion.onnx'), bytes);
  const manifest = tinyManifest({ id: 'slow' }, bytes, null);
  await writeFile(join(dir, 'slow', 'model.json'), JSON.stringify(manifest));
  server = await startServer({ modelsDir: dir, host: '127.0.0.1', port: 0, threads: 1 });
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

const ask = (timestep: number, model = 'slow', url = server.url) =>
  infer(`${url}/v2/models/${model}`, {
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1, 2, 2, 3], values: new Array(12).fill(0.5) },
      { name: 'timestep', datatype: 'FP32', shape: [1], values: [timestep] },
    ],
  });
const status = async (path: string) => (await fetch(`${server.url}/v2/${path}`)).status;

/** The engine processes that a server's process has started. */
async function enginePids(pid = process.pid): Promise<number[]> {
  return (await childrenOf(pid)).filter((child) => !others.includes(child));
}

/** None where there is no such file, as outside of Linux. */
async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.trim().split(/\s+/).filter(Boolean).map(Number);
}

test.runIf(process.platform === 'linux')('metrics have the memory of engines, by model', async () => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const [, bytes] = /^cairn_engine_memory_bytes{model="slow"} (\d+)$/m.exec(text) ?? [];
  expect(Number(bytes)).toBeGreaterThan(20 * 2 ** 20);
});

test('health, metadata and metrics are answered in the middle of a run', async () => {
  const events: string[] = [];
  const running = ask(LONG).then(({ status: code }) => events.push(`run ${code}`));
  await delay(100);
  for (const path of ['health/live', 'health/ready', 'models/slow/ready', 'models/slow']) {
    events.push(`${path} ${await status(path)}`);
  }
  await running;
  expect(events).toEqual([
    ...['health/live 200', 'health/ready 200', 'models/slow/ready 200', 'models/slow 200', 'run 200'],
  ]);
});

test.runIf(process.platform === 'linux')(
  'an engine killed in the middle of a run costs that run a 503 with Retry-After, and nothing else',
  async () => {
    const [pid] = await enginePids();
    const running = ask(FOREVER);
    await delay(150);
    const waiting = ask(1);
    process.kill(pid!, 'SIGKILL');
    const failed = await running;
    expect([failed.status, failed.headers.get('retry-after')]).toEqual([503, '1']);
    expect(failed.json).toEqual({ error: expect.any(String) });
    expect((await waiting).values.output).toEqual(new Array(24).fill(0.5));
    expect(await status('models/slow/ready')).toBe(200);
    expect(await enginePids()).toEqual([expect.not.closeTo(pid!, 0)]);
  },
);

test('a model that is being replaced finishes what it has begun', async () => {
  const workshop = await mkdtemp(join(tmpdir(), 'cairn-workshop-'));
  await writeTinyModel(workshop, { id: 'slow' });
  const before = await fetch(`${server.url}/v2/models/slow`).then((response) => response.json());
  const running = ask(LONG);
  await rename(join(dir, 'slow'), join(workshop, 'old'));
  await rename(join(workshop, 'slow'), join(dir, 'slow'));
  await vi.waitFor(async () => expect(await status('models/slow-guided')).toBe(200), { timeout: 20_000 });
  // The tiny model gives x * timestep, the slow one x.
  expect((await ask(3)).values.output?.[0]).toBe(1.5);
  expect((await running).values.output).toEqual(new Array(24).fill(0.5));
  const after = await fetch(`${server.url}/v2/models/slow`).then((response) => response.json());
  expect((after as Digest).parameters.digest).not.toBe((before as Digest).parameters.digest);
  await rm(workshop, { recursive: true });
});

interface Digest {
  readonly parameters: { readonly digest: string };
}

test('a server that stops leaves no process and no file behind', async () => {
  await server.close();
  expect(await enginePids()).toEqual([]);
  expect((await readdir(tmpdir())).filter((name) => /^cairn-engine-[0-9a-f]{8}-/.test(name))).toEqual([]);
});

test.runIf(process.platform === 'linux')(
  'a server that is killed takes its engine along, also out of the middle of a run',
  async () => {
    const script = `
      import { startServer } from ${JSON.stringify(new URL('../../src/server/index.ts', import.meta.url).href)};
      const server = await startServer({ modelsDir: process.argv[1], host: '127.0.0.1', port: 0, threads: 1 });
      console.log(server.url);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = await once(child.stdout, 'data');
    const [engine] = await enginePids(child.pid);
    const lost = expect(ask(FOREVER, 'slow', String(url).trim())).rejects.toThrow();
    await delay(300);
    child.kill('SIGKILL');
    await lost;
    await vi.waitFor(() => expect(() => process.kill(engine!, 0)).toThrow('ESRCH'), { timeout: 10_000 });
  },
);
