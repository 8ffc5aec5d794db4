import { describe, expect, test } from 'vitest';
import { DEFAULT_SCHEDULE } from '../../../src/server/model-runner.ts';
import { busyServer, Gate, type GraphCall, inputsOf, settle, tinyFamily, tinyServer } from './double.ts';

describe('fairness', () => {
  test('a one-image job finishes every step in the next batch while another job has 256 images waiting', async () => {
    const { ask, runs, gate } = await busyServer({ maxBatchSize: 8 });
    const big = ask({ timesteps: Array.from({ length: 256 }, (_, i) => i), schedule: { owner: 'big' } });
    for (let step = 1; step <= 5; step++) {
      const before = runs.length;
      const small = ask({ timesteps: [1000 + step], schedule: { owner: 'small' } });
      // The batch that runs, and the one with the small job's image.
      await gate.one();
      await gate.one();
      await small;
      expect(runs.length - before).toBeLessThanOrEqual(2);
    }
    gate.open();
    expect((await big).get('output')?.shape).toEqual([256, 4, 2, 3]);
  });

  test('beside a job of 256 images, a one-image job is done within three times its time alone', async () => {
    const server = await tinyServer({ before: ({ rows }) => server.timers.advance(10 * rows) });
    const { ask, timers } = server;
    const step = (owner: string, images: number) =>
      ask({ timesteps: Array.from({ length: images }, () => 1), schedule: { owner } });
    const smallJob = async () => {
      const start = timers.now();
      for (let i = 0; i < 30; i++) await step('small', 1);
      return timers.now() - start;
    };
    await step('warm-up', 16);
    const alone = await smallJob();
    let done = false;
    const large = Array.from({ length: 26 }, async () => {
      while (!done) await step('large', 10);
    });
    await settle();
    const beside = await smallJob();
    done = true;
    await Promise.all(large);
    expect(beside / alone).toBeLessThanOrEqual(3);
  });

  test('jobs of the same size share runs as large as may be', async () => {
    const server = await tinyServer({ before: ({ rows }) => server.timers.advance(10 * rows) });
    await server.ask({ timesteps: [1] });
    const jobs = Array.from({ length: 32 }, async (_, job) => {
      for (let i = 0; i < 4; i++) await server.ask({ timesteps: [1], schedule: { owner: String(job) } });
    });
    await Promise.all(jobs);
    expect(server.runs.slice(1).map(({ unguided }) => unguided)).toEqual(Array.from({ length: 8 }, () => 16));
  });

  test('models share the engine by the time that they take', async () => {
    const order: string[] = [];
    const gate = new Gate();
    const { batcher, timers, ask } = await busyServer({ before: gate.pass });
    const options = { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE };
    const serve = async (id: string, ms: number) => {
      const family = await tinyFamily(id, [], async () => {
        order.push(id);
        await timers.advance(ms);
      });
      const [runner] = batcher.serve({ ...family, maxBatchSize: 1 }).runners;
      return Promise.all(
        Array.from({ length: 12 }, () => runner!.infer(inputsOf({ timesteps: [1] }), ['output'], options)),
      );
    };
    const done = [serve('quick', 10), serve('slow', 50), ask({ timesteps: [1] })];
    await settle();
    gate.open();
    await Promise.all(done);
    const before = order.slice(0, order.lastIndexOf('quick'));
    // Twelve quick ones take as long as two or three slow ones.
    expect(before.filter((id) => id === 'slow').length).toBeLessThanOrEqual(4);
    expect(before.filter((id) => id === 'slow').length).toBeGreaterThanOrEqual(2);
  });

  test('while the engine of one model is being started, others run', async () => {
    const { batcher, ask } = await tinyServer();
    const calls: GraphCall[] = [];
    const engine = {
      starting: true,
      listener: () => {},
      onChange: (on: () => void) => {
        engine.listener = on;
      },
    };
    const served = batcher.serve({ ...(await tinyFamily('other', calls, () => {})), engine });
    const options = { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE };
    const waiting = served.runners[0]!.infer(inputsOf({ timesteps: [1] }), ['output'], options);
    await ask({ timesteps: [2] });
    await settle();
    expect(calls).toEqual([]);
    engine.starting = false;
    engine.listener();
    expect(await waiting).toHaveLength(1);
  });

  test('as many batches run at the same time as the engine takes', async () => {
    const gate = new Gate();
    const { ask, calls } = await tinyServer({ concurrency: 2, maxBatchSize: 1, before: gate.pass });
    const answers = [1, 2, 3].map((t) => ask({ timesteps: [t] }));
    await settle();
    expect(calls).toHaveLength(2);
    await gate.one();
    expect(calls).toHaveLength(3);
    gate.open();
    await Promise.all(answers);
  });
});
