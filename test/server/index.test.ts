import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/server/index.ts';
import { listLog } from './log-lines.ts';
import { writeTinyModel } from './tiny-model.ts';

let modelsDir: string;

beforeAll(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
  await writeTinyModel(modelsDir, { id: 'tiny' });
});

afterAll(() => rm(modelsDir, { recursive: true }));

describe('loading', () => {
  const load = async (dir: string) => {
    const entries: Record<string, unknown>[] = [];
    const log = listLog(entries);
    const started = await startServer({ modelsDir: dir, host: '127.0.0.1', port: 0, threads: 1, log });
    const { models } = started;
    await started.close();
    return { lines: entries.map(({ message }) => String(message)), models };
  };

  test('a file that is not the one model.json describes is refused, and the other models are served', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    await writeTinyModel(dir, { id: 'good' });
    const swapped = await writeTinyModel(dir, { id: 'swapped' });
    const same = new Uint8Array(swapped.graphs.diffusion.bytes);
    await writeFile(join(dir, 'swapped', 'diffusion.onnx'), same);
    await writeTinyModel(dir, { id: 'longer' });
    await appendFile(join(dir, 'longer', 'gradient.onnx'), 'x');
    await writeTinyModel(dir, { id: 'renamed' });
    await writeFile(join(dir, 'renamed', 'model.json'), JSON.stringify({ ...swapped, id: 'other' }));
    await mkdir(join(dir, 'broken'));
    await writeFile(join(dir, 'broken', 'model.json'), '{');
    await mkdir(join(dir, 'not-a-model'));

    const { lines, models } = await load(dir);
    expect(models).toEqual(['good', 'good-classifier', 'good-guided']);
    expect(lines.filter((line) => line.startsWith('refused'))).toEqual([
      expect.stringMatching(/refused .*broken: .*model.json is not JSON/),
      expect.stringMatching(/refused .*longer: .*gradient.onnx has \d+ bytes, model.json says \d+/),
      expect.stringMatching(/refused .*renamed: .*id is "other" but the folder is "renamed"/),
      expect.stringMatching(/refused .*swapped: .*diffusion.onnx has SHA-256 [0-9a-f]{64}, model.json says/),
    ]);
    await rm(dir, { recursive: true });
  });

  test('a graph whose inputs are not those of model.json is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    const manifest = await writeTinyModel(dir, { id: 'mixed-up' });
    const json = { ...manifest, class_conditional: true };
    await writeFile(join(dir, 'mixed-up', 'model.json'), JSON.stringify(json));
    await expect(load(dir)).rejects.toThrow(
      /no model to serve in .*\n.*mixed-up: the graph's inputs are .*label/,
    );
    await rm(dir, { recursive: true });
  });

  test('an empty folder, a missing folder and a taken port each say so', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'cairn-models-'));
    await expect(load(dir)).rejects.toThrow(/no model to serve in .*: no folder there has a model.json/);
    await expect(load(join(dir, 'missing'))).rejects.toThrow(/ENOENT.*missing/);
    const server = await startServer({ modelsDir, host: '127.0.0.1', port: 0, threads: 1 });
    const port = Number(new URL(server.url).port);
    await expect(startServer({ modelsDir, host: '127.0.0.1', port })).rejects.toThrow(/EADDRINUSE/);
    await server.close();
    await rm(dir, { recursive: true });
  });
});

describe('stopping', () => {
  const SCRIPT = `
    import { closeOnSignals, createLog, startServer } from ${JSON.stringify(new URL('../../src/server/index.ts', import.meta.url).href)};
    const log = createLog({ format: 'json', level: 'info', write: (line) => process.stdout.write(line) });
    const graceMs = Number(process.argv[2]);
    const options = { modelsDir: process.argv[1], host: '127.0.0.1', port: 0, threads: 1, graceMs, log };
    await closeOnSignals(await startServer(options), { log, graceMs });`;

  /** A server in a process of its own, its log line by line. */
  async function startProcess(graceMs: number) {
    const args = ['--input-type=module', '-e', SCRIPT, modelsDir, String(graceMs)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const entries = createInterface(child.stdout)[Symbol.asyncIterator]();
    const entry = async (message: RegExp): Promise<Record<string, unknown>> => {
      for (;;) {
        const { value, done } = await entries.next();
        if (done) throw new Error(`the log ends before ${message}`);
        const json = JSON.parse(value) as Record<string, unknown>;
        if (message.test(String(json.message))) return json;
      }
    };
    const url = new URL(String((await entry(/^ready/)).url));
    return { child, exited, entry, url };
  }

  const BODY = JSON.stringify({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [1, 2, 2, 3], data: Array(12).fill(1) },
      { name: 'timestep', datatype: 'FP32', shape: [1], data: [3] },
    ],
  });

  /** A request whose body has not come yet but for its first bytes. */
  async function beginRequest({ port }: URL) {
    const socket = createConnection(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const head = `POST /v2/models/tiny/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY.length}\r\n\r\n`;
    socket.write(head + BODY.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 100));
    return socket;
  }

  test('at SIGTERM a request in progress is answered, new ones are refused, and the process ends by itself', async () => {
    const { child, exited, entry, url } = await startProcess(5000);
    const socket = await beginRequest(url);
    child.kill('SIGTERM');
    expect(await entry(/^stopping/)).toMatchObject({ requests: 1 });

    // It still answers, so that a load balancer learns of it, but takes nothing on and keeps no connection.
    expect((await fetch(`${url}v2/health/live`)).status).toBe(200);
    expect((await fetch(`${url}v2/health/ready`)).status).toBe(503);
    const refused = await fetch(`${url}v2/models/tiny/infer`, { method: 'POST', body: BODY });
    expect([refused.status, refused.headers.get('connection'), refused.headers.get('retry-after')]).toEqual([
      ...[503, 'close', '1'],
    ]);

    socket.write(BODY.slice(10));
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n.*connection: close\r\n.*"model_name":"tiny"/is);
    expect(await exited).toEqual([0, null]);
  });

  test('when the grace is over, what still waits is cut and the process ends', async () => {
    const { child, exited, entry, url } = await startProcess(300);
    const socket = await beginRequest(url);
    socket.on('error', () => {});
    child.kill('SIGTERM');
    await entry(/^the grace is over/);
    expect(await exited).toEqual([0, null]);
  });

  test('a second signal ends it at once, but not the same Ctrl-C again', async () => {
    const { child, exited, entry, url } = await startProcess(60_000);
    const socket = await beginRequest(url);
    socket.on('error', () => {});
    child.kill('SIGINT');
    child.kill('SIGINT');
    await entry(/^stopping/);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(child.exitCode).toBe(null);
    child.kill('SIGTERM');
    expect(await exited).toEqual([1, null]);
  });
});
