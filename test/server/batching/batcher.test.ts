import { describe, expect, test } from 'vitest';
import { DEFAULT_SCHEDULE } from '../../../src/server/model-runner.ts';
import {
  alone,
  busyServer,
  Gate,
  type GraphCall,
  inputsOf,
  type Question,
  settle,
  tinyServer,
} from './double.ts';

describe('batches', () => {
  test('a lone request runs at once, on its own memory', async () => {
    const { served, calls } = await tinyServer();
    const inputs = inputsOf({ timesteps: [7] });
    const options = { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE };
    await served.runners[0]!.infer(inputs, ['output'], options);
    expect(calls[0]?.inputs.get('x')?.data.buffer).toBe(inputs.get('x')?.data.buffer);
  });

  test('what comes while a batch runs is the next one, over timesteps, owners and models on the wire', async () => {
    const { ask, calls, runs, gate } = await busyServer();
    const questions: Question[] = [
      { timesteps: [1], schedule: { owner: 'a' } },
      { timesteps: [2], schedule: { owner: 'b' }, model: 'guided' },
      { timesteps: [3, 4], schedule: { owner: 'c' } },
      { timesteps: [5], schedule: { owner: 'd' }, model: 'classifier' },
      { timesteps: [6], schedule: { owner: 'e' }, model: 'guided', outputs: ['gradient'] },
    ];
    const answers = questions.map(ask);
    gate.open();
    expect(await Promise.all(answers)).toEqual(await Promise.all(questions.map(alone)));
    expect(calls.map(({ graph, timesteps }) => [graph, timesteps.toSorted()])).toEqual([
      ['diffusion', [999]],
      ['diffusion', [1, 2, 3, 4]],
      ['gradient', [2, 5, 6]],
    ]);
    expect(runs[1]).toMatchObject({ requests: 5, guided: 3, unguided: 3, exact: false, failed: false });
  });

  test('32 jobs at different timesteps walk through their steps together, each with its own answers', async () => {
    const { ask, runs } = await tinyServer({ maxBatchSize: 32 });
    const walk = async (job: number) => {
      for (let step = 5; step > 0; step--) {
        const question: Question = {
          timesteps: [100 * job + step],
          model: job % 2 ? 'guided' : 'diffusion',
          schedule: { owner: String(job) },
        };
        expect(await ask(question)).toEqual(await alone(question));
      }
    };
    await Promise.all(Array.from({ length: 32 }, (_, job) => walk(job)));
    expect(runs.reduce((sum, run) => sum + run.guided + run.unguided, 0)).toBe(32 * 5);
    expect(Math.max(...runs.map(({ requests }) => requests))).toBeGreaterThan(8);
  });

  test('inputs that both graphs take are joined once, if both run on the same images', async () => {
    const { ask, calls, gate } = await busyServer();
    const guided = (...timesteps: number[]): Question => ({ timesteps, model: 'guided' });
    const both = [ask(guided(1)), ask(guided(2, 3))];
    gate.open();
    await Promise.all(both);
    await ask({ ...guided(4, 5), guided: [true, false] });
    const images = calls.slice(1).map(({ inputs }) => inputs.get('x'));
    expect(images[1]).toBe(images[0]);
    expect(images[3]).not.toBe(images[2]);
    expect(images[3]?.shape[0]).toBe(1);
  });

  test('a request larger than a batch runs in pieces and is put together again', async () => {
    const { ask, calls } = await tinyServer({ maxBatchSize: 3 });
    const timesteps = [1, 2, 3, 4, 5, 6, 7, 8];
    const guided = [true, false, false, true, true, true, false, true];
    const question: Question = { timesteps, guided, model: 'guided' };
    expect(await ask(question)).toEqual(await alone(question));
    const rows = (graph: GraphCall['graph']) =>
      calls.filter((call) => call.graph === graph).map((call) => call.rows);
    expect(rows('diffusion')).toEqual([3, 3, 2]);
    expect(rows('gradient')).toEqual([1, 3, 1]);
  });

  test('batches are no larger than pays: sizes in which an image costs more than in smaller ones are left', async () => {
    const server = await tinyServer({
      before: ({ rows }) => server.timers.advance(rows === 3 ? 100 : 10 * rows),
    });
    const { ask, calls } = server;
    for (let i = 0; i < 5; i++) {
      await ask({ timesteps: [1] });
      await ask({ timesteps: [1, 2, 3] });
    }
    const before = calls.length;
    await ask({ timesteps: [1, 2, 3] });
    expect(calls.slice(before).map(({ rows }) => rows)).toEqual([1, 1, 1]);
  });

  test('images that are not guided skip the gradient and get zeros for it', async () => {
    const { ask, calls } = await tinyServer();
    const answer = await ask({ timesteps: [4, 5], guided: [false, true], model: 'guided' });
    expect(calls.map(({ graph, timesteps }) => [graph, timesteps])).toEqual([
      ['diffusion', [4, 5]],
      ['gradient', [5]],
    ]);
    const whole = await alone({ timesteps: [4, 5], model: 'guided' });
    expect(answer.get('output')).toEqual(whole.get('output'));
    expect(answer.get('gradient')?.shape).toEqual([2, 2, 2, 3]);
    const gradient = answer.get('gradient')!.data;
    expect(gradient.subarray(0, 12)).toEqual(new Float32Array(12));
    expect(gradient.subarray(12)).toEqual(whole.get('gradient')?.data.subarray(12));
    expect(answer.get('log_probs')?.data.subarray(0, 3)).toEqual(new Float32Array(3));
  });

  test('a request of which no image is guided needs no run for its gradient', async () => {
    const { ask, calls } = await tinyServer();
    const answer = await ask({ timesteps: [4], guided: [false], model: 'guided', outputs: ['gradient'] });
    expect([calls, answer.get('gradient')?.data]).toEqual([[], new Float32Array(12)]);
  });

  test('who wants no gradient is answered before the gradient of the others has run', async () => {
    const gate = new Gate();
    const { ask } = await busyServer({
      before: ({ graph, timesteps }) => {
        if (graph === 'gradient' || timesteps[0] === 999) return gate.pass();
      },
    });
    const guided = ask({ timesteps: [1], model: 'guided' });
    const plain = ask({ timesteps: [2] });
    await gate.one();
    await plain;
    gate.open();
    await guided;
  });

  test('a request is told how long it waited and ran, and beside how many', async () => {
    const told: unknown[] = [];
    const { ask, gate, timers } = await busyServer();
    const answers = [
      ask({ timesteps: [1], onRun: (run) => told.push(run) }),
      ask({ timesteps: [2, 3], onRun: (run) => told.push(run) }),
    ];
    await timers.advance(40);
    await gate.one();
    await timers.advance(2);
    gate.open();
    await Promise.all(answers);
    expect(told).toEqual([
      { waitMs: 40, runMs: 2, batchSize: 3 },
      { waitMs: 40, runMs: 2, batchSize: 3 },
    ]);
  });
});

describe('the window', () => {
  /**
   * Two jobs on an engine whose runs cost `fixedMs` and 1 ms an image, each 1 ms away after an answer; then the second
   * one's request waits when the first one has just been answered.
   */
  async function twoJobs(fixedMs: number, maxWindowMs: number) {
    const gate = new Gate();
    const server = await tinyServer({ maxWindowMs, before: gate.pass });
    const { ask, timers, calls } = server;
    const step = (owner: string, images = 1) =>
      ask({ timesteps: Array.from({ length: images }, () => 1), schedule: { owner } });
    const run = async (images: number) => {
      await timers.advance(fixedMs + images);
      await gate.one();
    };
    for (const images of [1, 2]) {
      const learning = step('first', images);
      await run(images);
      await learning;
      await timers.advance(1);
    }
    const first = step('first');
    await settle();
    const second = step('second');
    const ran = calls.length;
    await run(1);
    await first;
    return { ...server, step, second, ran, gate };
  }

  test('is open for those who come back sooner than a run of their own would cost', async () => {
    const { step, second, ran, calls, gate, timers } = await twoJobs(20, 5);
    expect(calls.length).toBe(ran);
    await timers.advance(1);
    const first = step('first');
    await settle();
    expect(calls.slice(ran).map(({ rows }) => rows)).toEqual([2]);
    gate.open();
    await Promise.all([first, second]);
  });

  test('closes if they do not come', async () => {
    const { second, ran, calls, gate, timers } = await twoJobs(20, 5);
    expect(calls.length).toBe(ran);
    await timers.advance(1.5);
    expect(calls.slice(ran).map(({ rows }) => rows)).toEqual([1]);
    gate.open();
    await second;
  });

  test.each([
    ['runs cost nothing but their images', 0, 5],
    ['no window is allowed', 20, 0],
  ])('stays shut if %s', async (_, fixedMs, maxWindowMs) => {
    const { second, ran, calls, gate } = await twoJobs(fixedMs, maxWindowMs);
    expect(calls.length).toBe(ran + 1);
    gate.open();
    await second;
  });

  test('a job alone never waits', async () => {
    const { ask, timers, runs } = await tinyServer({ before: ({ rows }) => timers.advance(20 + rows) });
    for (const images of [1, 2, 1, 1, 2, 1]) {
      await ask({ timesteps: Array.from({ length: images }, () => 1), schedule: { owner: 'a' } });
      await timers.advance(1);
    }
    expect(runs.map(({ waitMs }) => waitMs)).toEqual(runs.map(() => [0]));
  });
});

describe('exact requests', () => {
  test('run alone, whole and in their order, and have the bits of a run without neighbours', async () => {
    const { ask, calls, gate } = await busyServer({ maxBatchSize: 2 });
    const exact: Question = { timesteps: [9, 8, 7], model: 'guided', schedule: { owner: 'a', exact: true } };
    const answers = [ask({ timesteps: [1], schedule: { owner: 'b' } }), ask(exact), ask({ timesteps: [2] })];
    gate.open();
    expect((await Promise.all(answers))[1]).toEqual(await alone(exact));
    const own = calls.filter(({ timesteps }) => timesteps.includes(8));
    expect(own.map(({ graph, timesteps }) => [graph, timesteps])).toEqual([
      ['diffusion', [9, 8, 7]],
      ['gradient', [9, 8, 7]],
    ]);
  });

  test('share a run of the fixed size, if there is one, that is always full', async () => {
    const { ask, calls, gate } = await busyServer({ exactBatchSize: 4 });
    const exact = (owner: string, ...timesteps: number[]): Question => ({
      ...{ timesteps, model: 'guided' },
      schedule: { owner, exact: true },
    });
    const questions = [exact('a', 1), exact('b', 2, 3), exact('c', 4, 5, 6, 7, 8)];
    const answers = questions.map(ask);
    gate.open();
    expect(await Promise.all(answers)).toEqual(await Promise.all(questions.map(alone)));
    expect(calls.slice(1).map(({ graph, timesteps }) => [graph, timesteps])).toEqual([
      ['diffusion', [1, 2, 3, 1]],
      ['gradient', [1, 2, 3, 1]],
      ['diffusion', [4, 5, 6, 7, 8]],
      ['gradient', [4, 5, 6, 7, 8]],
    ]);
  });
});
