import { describe, expect, test } from 'vitest';
import { Batcher, BusyError, DeadlineError } from '../../../src/server/batching/index.ts';
import { DEFAULT_SCHEDULE } from '../../../src/server/model-runner.ts';
import {
  alone,
  busyServer,
  Gate,
  type GraphCall,
  inputsOf,
  settle,
  tinyFamily,
  tinyServer,
} from './double.ts';

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
