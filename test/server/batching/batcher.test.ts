import { expect, test } from 'vitest';
import { DEFAULT_SCHEDULE } from '../../../src/server/model-runner.ts';
import { Gate, settle, tinyServer } from './double.ts';

/** What a question gets when nobody else asks. */
async function alone(question: Parameters<Awaited<ReturnType<typeof tinyServer>>['ask']>[0]) {
  const { ask } = await tinyServer();
  return ask(question);
}

test('a lone request runs at once, on its own memory', async () => {
  const { served, calls } = await tinyServer();
  const x = { name: 'x', datatype: 'FP32' as const, shape: [1, 2, 2, 3], data: new Float32Array(12).fill(3) };
  const timestep = { name: 'timestep', datatype: 'FP32' as const, shape: [1], data: Float32Array.of(7) };
  const options = { signal: new AbortController().signal, schedule: DEFAULT_SCHEDULE };
  const inputs = new Map([x, timestep].map((tensor) => [tensor.name, tensor]));
  const [output] = await served.runners[0]!.infer(inputs, ['output'], options);
  expect(output?.data.slice(0, 12)).toEqual(new Float32Array(12).fill(21));
  expect(calls[0]?.inputs.get('x')?.data.buffer).toBe(x.data.buffer);
});

test('what comes while a batch runs is the next batch, over timesteps, owners and models on the wire', async () => {
  const gate = new Gate();
  const { ask, calls, runs } = await tinyServer({ before: gate.pass });
  const first = ask({ timesteps: [100] });
  await settle();
  const answers = [
    ask({ timesteps: [1], schedule: { owner: 'a' } }),
    ask({ timesteps: [2], schedule: { owner: 'b' }, model: 'guided' }),
    ask({ timesteps: [3, 4], schedule: { owner: 'c' } }),
    ask({ timesteps: [5], schedule: { owner: 'd' }, model: 'classifier' }),
  ];
  gate.open();
  await first;
  const got = await Promise.all(answers);
  expect(calls.map(({ graph, timesteps }) => [graph, timesteps.toSorted()])).toEqual([
    ['diffusion', [100]],
    ['diffusion', [1, 2, 3, 4]],
    ['gradient', [2, 5]],
  ]);
  expect(got[0]).toEqual(await alone({ timesteps: [1] }));
  expect(got[1]).toEqual(await alone({ timesteps: [2], model: 'guided' }));
  expect(got[2]).toEqual(await alone({ timesteps: [3, 4] }));
  expect(got[3]).toEqual(await alone({ timesteps: [5], model: 'classifier' }));
  expect(runs[1]).toMatchObject({ requests: 4, guided: 2, unguided: 3, exact: false, failed: false });
});
