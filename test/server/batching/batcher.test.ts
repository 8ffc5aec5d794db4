import { describe, expect, test } from 'vitest';
import { Batcher, BusyError, DeadlineError } from '../../../src/server/batching/index.ts';
import { DEFAULT_SCHEDULE } from '../../../src/server/model-runner.ts';
import { Gate, type GraphCall, inputsOf, type Question, settle, tinyFamily, tinyServer } from './double.ts';

/** What a question gets when nobody else asks. */
async function alone(question: Question) {
  const { ask } = await tinyServer();
  return ask(question);
}

/** A server whose engine runs something already, until the gate lets it go. */
async function busyServer(options: Parameters<typeof tinyServer>[0] = {}) {
  const gate = new Gate();
  const server = await tinyServer({ before: gate.pass, ...options });
  const first = server.ask({ timesteps: [999], schedule: { owner: 'first' } });
  await settle();
  return { ...server, gate, first };
}

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

describe('requests that are not answered', () => {
  test('past the bound they are refused, with the time after which there is likely to be room', async () => {
    const { ask, gate, timers, failures, first } = await busyServer({ maxQueuedItems: 4, maxBatchSize: 1 });
    // The first run shows that one image takes 3 s.
    await timers.advance(3000);
    const waiting = [ask({ timesteps: [1, 2] }), ask({ timesteps: [3] })];
    await gate.one();
    await first;
    // One image runs, two wait; there is room for two.
    const error: unknown = await ask({ timesteps: [4, 5, 6] }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({
      message: 'model "tiny" is busy: 2 images wait, and 4 may',
      retryAfterSeconds: 3,
    });
    expect(failures).toEqual(['busy']);
    const fits = ask({ timesteps: [4, 5] });
    gate.open();
    await Promise.all([...waiting, fits]);
  });

  test('one that is larger than the whole queue gets in when nothing waits', async () => {
    const { ask } = await tinyServer({ maxQueuedItems: 2 });
    expect((await ask({ timesteps: [1, 2, 3] })).get('output')?.shape[0]).toBe(3);
  });

  test('one whose client leaves while it waits never runs', async () => {
    const { ask, gate, first, calls, queued, failures, timers } = await busyServer();
    const client = new AbortController();
    const left = ask({ timesteps: [1], signal: client.signal, schedule: { deadline: 1000 } });
    await settle();
    expect(queued.at(-1)).toBe(1);
    client.abort(new Error('connection closed'));
    await expect(left).rejects.toThrow('connection closed');
    expect([queued.at(-1), failures, timers.pending]).toEqual([0, ['aborted'], 0]);
    gate.open();
    await first;
    await settle();
    expect(calls).toHaveLength(1);
  });

  test('one whose client leaves while it runs is thrown away, and its neighbours are not', async () => {
    const { ask, gate, calls } = await busyServer();
    const client = new AbortController();
    const left = ask({ timesteps: [1], model: 'guided', signal: client.signal, schedule: { owner: 'a' } });
    const neighbour = ask({ timesteps: [2], model: 'guided', schedule: { owner: 'b' } });
    await gate.one();
    client.abort(new Error('connection closed'));
    await expect(left).rejects.toThrow('connection closed');
    gate.open();
    expect(await neighbour).toEqual(await alone({ timesteps: [2], model: 'guided' }));
    // Its gradient, which nobody waits for, was not computed.
    expect(calls.at(-1)).toMatchObject({ graph: 'gradient', timesteps: [2] });
  });

  test('one whose client has gone before it came does nothing', async () => {
    const { ask, calls } = await tinyServer();
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(ask({ timesteps: [1], signal })).rejects.toThrow('gone');
    await settle();
    expect(calls).toEqual([]);
  });

  test('one whose deadline passes while it waits is dropped then and there', async () => {
    const { ask, gate, timers, failures, first, calls } = await busyServer();
    const late = expect(ask({ timesteps: [1], schedule: { deadline: 50 } })).rejects.toThrow(DeadlineError);
    await timers.advance(50);
    await late;
    expect(failures).toEqual(['deadline']);
    gate.open();
    await first;
    await settle();
    expect(calls).toHaveLength(1);
    await expect(ask({ timesteps: [1], schedule: { deadline: 50 } })).rejects.toThrow(
      'the deadline of the request had passed when it came',
    );
  });

  test('one that runs when its deadline passes is answered', async () => {
    const gate = new Gate();
    const { ask, timers } = await tinyServer({ before: gate.pass });
    const running = ask({ timesteps: [1], schedule: { deadline: 50 } });
    await timers.advance(60);
    gate.open();
    expect((await running).get('output')?.shape[0]).toBe(1);
  });

  test('one that breaks the run does not take its neighbours down', async () => {
    const poison = ({ timesteps }: GraphCall) => {
      if (timesteps.includes(666)) throw new Error('no kernel for this');
    };
    const gate = new Gate();
    const { ask, runs, failures, calls } = await busyServer({
      before: async (call) => {
        await gate.pass();
        poison(call);
      },
    });
    const good = [1, 2].map((t) => ask({ timesteps: [t], model: 'guided', schedule: { owner: `${t}` } }));
    const bad = expect(ask({ timesteps: [666] })).rejects.toThrow('no kernel for this');
    gate.open();
    await bad;
    expect(await Promise.all(good)).toEqual(
      await Promise.all([1, 2].map((t) => alone({ timesteps: [t], model: 'guided' }))),
    );
    expect(runs.map(({ failed }) => failed)).toEqual([false, true]);
    expect(failures).toEqual(['error']);
    // The gradient never saw the poison, so it ran once for both.
    expect(calls.filter(({ graph }) => graph === 'gradient').map(({ rows }) => rows)).toEqual([2]);
  });

  test('one with NaN gets NaN, and its neighbours their numbers', async () => {
    const { ask, gate } = await busyServer();
    const sick = ask({ timesteps: [Number.NaN], schedule: { owner: 'a' } });
    const healthy = ask({ timesteps: [2], schedule: { owner: 'b' } });
    gate.open();
    expect((await sick).get('output')?.data[0]).toBeNaN();
    expect(await healthy).toEqual(await alone({ timesteps: [2] }));
  });

  test('a failed piece of a split request fails it whole, and the rest of it does not run', async () => {
    const { ask, calls, queued } = await tinyServer({
      maxBatchSize: 1,
      before: () => {
        throw new Error('out of memory');
      },
    });
    await expect(ask({ timesteps: [1, 2, 3] })).rejects.toThrow('out of memory');
    await settle();
    expect([calls.length, queued.at(-1)]).toEqual([1, 0]);
  });

  test('an engine that gives the wrong number of rows is an error, not an answer', async () => {
    const batcher = new Batcher();
    const family = await tinyFamily('wrong', [], () => {});
    const run = async () => [
      { name: 'output', datatype: 'FP32' as const, shape: [2, 4, 2, 3], data: new Float32Array(48) },
    ];
    const { runners } = batcher.serve({ ...family, diffusion: { ...family.diffusion, graph: { run } } });
    const options = { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE };
    await expect(runners[0]!.infer(inputsOf({ timesteps: [1] }), ['output'], options)).rejects.toThrow(
      'output "output" has shape [2,4,2,3] for a batch of 1',
    );
  });
});

describe('a model that goes', () => {
  test('answers what it has taken on and takes no more', async () => {
    const { ask, gate, served, first } = await busyServer();
    const waiting = ask({ timesteps: [1] });
    let drained = false;
    const drain = served.drain().then(() => {
      drained = true;
    });
    await expect(ask({ timesteps: [2] })).rejects.toThrow('model "tiny" is being replaced or unloaded');
    await gate.one();
    await first;
    expect(drained).toBe(false);
    gate.open();
    await waiting;
    await drain;
  });

  test('is not free before a run has ended that nobody waits for', async () => {
    const gate = new Gate();
    const { ask, served } = await tinyServer({ before: gate.pass });
    const client = new AbortController();
    const left = ask({ timesteps: [1], signal: client.signal });
    await settle();
    client.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    let drained = false;
    const drain = served.drain().then(() => {
      drained = true;
    });
    await settle();
    expect(drained).toBe(false);
    gate.open();
    await drain;
  });

  test('can drop what waits', async () => {
    const { ask, gate, served, first } = await busyServer();
    const waiting = expect(ask({ timesteps: [1] })).rejects.toThrow('the server is stopping');
    served.drop(new Error('the server is stopping'));
    await waiting;
    gate.open();
    await first;
    await served.drain();
  });
});
