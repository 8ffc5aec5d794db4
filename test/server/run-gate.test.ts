import { expect, test } from 'vitest';
import { BusyError, RunGate } from '../../src/server/run-gate.ts';

const never = new AbortController().signal;

/** A task that ends when told to. */
function task() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let started = false;
  const run = () => {
    started = true;
    return promise;
  };
  return { run, resolve, reject, started: () => started };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('runs one task at a time, in the order they came', async () => {
  const gate = new RunGate(8);
  const tasks = [task(), task(), task()];
  const results = tasks.map(({ run }) => gate.run(run, never));
  for (const [i, { resolve }] of tasks.entries()) {
    await settle();
    expect(tasks.map(({ started }) => started())).toEqual(tasks.map((_, other) => other <= i));
    resolve(`task ${i}`);
  }
  expect(await Promise.all(results)).toEqual(['task 0', 'task 1', 'task 2']);
});

test('a task that fails lets the next one run', async () => {
  const gate = new RunGate(8);
  const failing = gate.run(() => Promise.reject(new Error('no memory')), never);
  const next = gate.run(async () => 'fine', never);
  await expect(failing).rejects.toThrow('no memory');
  expect(await next).toBe('fine');
});

test('refuses what comes when the queue is full, and takes more when it is not', async () => {
  const gate = new RunGate(1);
  const first = task();
  const running = gate.run(first.run, never);
  const waiting = gate.run(async () => 'waited', never);
  await expect(gate.run(async () => 'too many', never)).rejects.toThrow(BusyError);
  first.resolve('done');
  expect(await Promise.all([running, waiting])).toEqual(['done', 'waited']);
  expect(await gate.run(async () => 'again', never)).toBe('again');
});

test('a waiting task whose client is gone never runs and frees its place', async () => {
  const gate = new RunGate(1);
  const [first, gone] = [task(), task()];
  const running = gate.run(first.run, never);
  const client = new AbortController();
  const left = gate.run(gone.run, client.signal);
  client.abort(new Error('connection closed'));
  await expect(left).rejects.toThrow('connection closed');
  const waiting = gate.run(async () => 'in its place', never);
  first.resolve('done');
  expect(await Promise.all([running, waiting])).toEqual(['done', 'in its place']);
  expect(gone.started()).toBe(false);
});
