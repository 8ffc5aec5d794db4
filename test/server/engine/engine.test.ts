import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Engine, EngineOptions } from '../../../src/server/engine/engine.ts';
import { EngineError } from '../../../src/server/engine/engine-error.ts';
import { Exchange } from '../../../src/server/engine/exchange.ts';
import type { TensorsByName } from '../../../src/server/model-runner.ts';
import { openEngine, slowGraph, slowInputs, slowModel, writeGraph } from './graphs.ts';

/** Rows of the matrices for a run that lasts until something ends it. */
const FOREVER = 6000;
/** For one of about a second. */
const LONG = 700;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-engine-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function open(options: Partial<EngineOptions> = {}, dtype: 'float32' | 'float16' = 'float32') {
  const lines: string[] = [];
  const model = slowModel(folder, await writeGraph(folder, slowGraph(dtype)));
  const engine = await openEngine(model, {
    log: { info: () => {}, warn: (line) => lines.push(line) },
    ...options,
  });
  onTestFinished(() => engine.close());
  const session = engine.session('diffusion')!;
  const run = async (size: number, row?: number[]) => {
    const [output] = await session.run(slowInputs(size, row), ['output']);
    return [...(output!.data as Float32Array)];
  };
  return { engine, run, lines };
}

/** Kills the engine's process as soon as it is in the middle of a run. */
async function killSoon(engine: Engine): Promise<void> {
  const [pid] = engine.pids;
  await delay(100);
  process.kill(pid!, 'SIGKILL');
}

describe('a run', () => {
  test('gives the outputs and leaves inputs of other graphs alone', async () => {
    const { engine } = await open();
    const inputs = new Map(slowInputs(3, [7, 8]));
    inputs.set('target', { name: 'target', datatype: 'FP32', shape: [1], data: Float32Array.of(1) });
    expect(await engine.session('diffusion')!.run(inputs, ['output'])).toEqual([
      { name: 'output', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(7, 8) },
    ]);
    expect(engine.session('gradient')).toBeNull();
  });

  test('leaves this thread free', async () => {
    const { run } = await open();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await run(LONG);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  test('is not sent again what the engine has from the run before, and is sent what has changed', async () => {
    const { engine } = await open();
    const session = engine.session('diffusion')!;
    const put = vi.spyOn(Exchange.prototype, 'put');
    onTestFinished(() => put.mockRestore());
    const run = async (inputs: TensorsByName) => (await session.run(inputs, ['output']))[0]!.data;
    const first = slowInputs(3, [7, 8]);
    const second = new Map([...slowInputs(3, [1, 2]), ['size', first.get('size')!] as const]);
    const outputs = [await run(first), await run(first), await run(second), await run(first)];
    expect(outputs.map((data) => [...(data as Float32Array)])).toEqual([
      [7, 8],
      [7, 8],
      [1, 2],
      [7, 8],
    ]);
    const sent = put.mock.calls.map(([tensors]) => tensors.map(({ name }) => name));
    expect(sent).toEqual([['x', 'size'], [], ['x'], ['x']]);
  });

  test('is sent everything again after one that failed', async () => {
    const { engine } = await open();
    const session = engine.session('diffusion')!;
    const good = slowInputs(3, [7, 8]);
    const bad = new Map([...good, ['x', slowInputs(3, [1, 2, 3]).get('x')!] as const]);
    await session.run(good, ['output']);
    await expect(session.run(bad, ['output'])).rejects.toThrow(/invalid dimensions/);
    const [output] = await session.run(good, ['output']);
    expect([...(output!.data as Float32Array)]).toEqual([7, 8]);
  });

  test('of a graph in half precision takes and gives float32', async () => {
    const { run } = await open({}, 'float16');
    expect(await run(3, [0.5, 2049])).toEqual([0.5, 2048]);
  });

  test('that onnxruntime refuses fails with its reason, and the engine stays', async () => {
    const { engine, run } = await open();
    const { pids } = engine;
    await expect(run(3, [1, 2, 3])).rejects.toThrow(/invalid dimensions for input: x/);
    expect(await run(3)).toEqual([1.5, -2]);
    expect(engine.pids).toEqual(pids);
  });

  test('in one slot does not wait for another slot', async () => {
    const { engine, run } = await open({ slots: 2 });
    expect(new Set(engine.pids).size).toBe(2);
    const ended: string[] = [];
    await Promise.all([run(LONG).then(() => ended.push('long')), run(1).then(() => ended.push('short'))]);
    expect(ended).toEqual(['short', 'long']);
  });
});

describe('an engine process that dies', () => {
  test('fails its run so that it may be tried again, and the next one runs in another process', async () => {
    const { engine, run, lines } = await open();
    const before = engine.pids;
    const failing = run(FOREVER);
    const waiting = run(2);
    await Promise.all([
      expect(failing).rejects.toThrow(
        new EngineError('the engine ended during the run: it was killed by SIGKILL'),
      ),
      killSoon(engine),
    ]);
    expect(await waiting).toEqual([1.5, -2]);
    expect(engine.pids).toHaveLength(1);
    expect(engine.pids).not.toEqual(before);
    expect(lines).toContain('the engine has ended: it was killed by SIGKILL; starting another');
  });

  test('between two runs is replaced as well', async () => {
    const onRestart = vi.fn();
    const { engine, run } = await open({ onRestart });
    const [before] = engine.pids;
    process.kill(before!, 'SIGKILL');
    await vi.waitFor(() => expect(engine.ready).toBe(false));
    expect(onRestart).toHaveBeenCalledOnce();
    expect(await run(2)).toEqual([1.5, -2]);
    expect(engine.ready).toBe(true);
  });

  test('is killed if a run takes longer than it may', async () => {
    const { run } = await open({ runLimitMs: 300 });
    await expect(run(FOREVER)).rejects.toThrow(
      new EngineError('the engine ended during the run: a run took longer than 0.3 s'),
    );
    expect(await run(2)).toEqual([1.5, -2]);
  });

  test.runIf(process.platform === 'linux')('is killed if it takes more memory than it may', async () => {
    const { run } = await open({ memoryLimitBytes: 350 * 2 ** 20 });
    await expect(run(FOREVER)).rejects.toThrow(
      /ended during the run: it had \d+ MiB of memory, more than .* 350 MiB/,
    );
    expect(await run(2)).toEqual([1.5, -2]);
  });

  test('is tried again until its model can be loaded; runs fail meanwhile', async () => {
    const { engine, run, lines } = await open();
    await rename(join(folder, 'slow.onnx'), join(folder, 'away'));
    process.kill(engine.pids[0]!, 'SIGKILL');
    await vi.waitFor(() => expect(lines.join('\n')).toContain('the engine did not start'), 5000);
    await expect(run(2)).rejects.toThrow(/ENOENT/);
    expect(engine.ready).toBe(false);
    await rename(join(folder, 'away'), join(folder, 'slow.onnx'));
    await vi.waitFor(() => expect(engine.ready).toBe(true), 10_000);
    expect(await run(2)).toEqual([1.5, -2]);
  });
});

describe('closing', () => {
  test('cuts off what runs, ends the process and leaves no file behind', async () => {
    const { engine, run } = await open();
    const [pid] = engine.pids;
    const running = expect(run(FOREVER)).rejects.toThrow(EngineError);
    await delay(100);
    await engine.close();
    await running;
    expect(() => process.kill(pid!, 0)).toThrow('ESRCH');
    expect((await readdir(tmpdir())).filter((name) => /^cairn-engine-[0-9a-f]{8}-/.test(name))).toEqual([]);
    await expect(run(2)).rejects.toThrow(new EngineError('the model is no longer served'));
  });
});

test('an engine that is given up while it loads ends at once', async () => {
  const model = slowModel(folder, await writeGraph(folder, slowGraph()));
  const sizes = { warmUpSizes: Array.from({ length: 100_000 }, (_, i) => i + 1) };
  const start = performance.now();
  await expect(openEngine(model, sizes, AbortSignal.timeout(500))).rejects.toThrow('it is no longer needed');
  expect(performance.now() - start).toBeLessThan(5000);
});

test('a graph that is not the described one is not loaded', async () => {
  const file = await writeGraph(folder, slowGraph());
  await writeGraph(folder, slowGraph('float16'));
  await expect(openEngine(slowModel(folder, file))).rejects.toThrow(
    /slow\.onnx has SHA-256 \w+, model\.json says/,
  );
});

test('a file that is no graph is not loaded', async () => {
  const file = await writeGraph(folder, new Uint8Array(100).fill(7));
  await expect(openEngine(slowModel(folder, file))).rejects.toThrow(/protobuf|load model/i);
});
