import { afterEach, beforeEach, expect, test } from 'vitest';
import { CairnClient, type SampleEvent } from '../../src/client/index.ts';
import { events, problem, type StandIn, startStandIn } from './stand-in.ts';

let api: StandIn;
let client: CairnClient;
beforeEach(async () => {
  api = await startStandIn();
  client = new CairnClient(api.url, { apiKey: 'cairn_secret' });
});
afterEach(() => api.close());

const running = { id: 'smp_1', status: 'running', progress: { step: 0, steps: 8 } };
const ended = { ...running, status: 'succeeded' };
const step = (n: number) => ({ step: n, steps: 8, fraction: n / 8, steps_per_second: 2, seconds_left: 1 });
const done = [9, 'done', { status: 'succeeded', sample: ended }] as const;

async function collect(watching: AsyncIterable<SampleEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { id, event } of watching) seen.push(`${id} ${event}`);
  return seen;
}

test('gives every event until the sample is over', async () => {
  api.answer(events([1, 'status', { status: 'running' }], [2, 'step', step(1)], done));
  expect(await collect(client.watch('smp_1'))).toEqual(['1 status', '2 step', '9 done']);
  expect(api.asked[0]!.headers).toMatchObject({
    accept: 'text/event-stream',
    authorization: 'Bearer cairn_secret',
  });
});

test('a connection that breaks or ends is made again, and goes on after the last event', async () => {
  api.answer(
    { ...events([1, 'status', { status: 'running' }], [4, 'step', step(1)]), breaks: true },
    events([5, 'step', step(2)]),
    events(done),
  );
  expect(await collect(client.watch('smp_1'))).toEqual(['1 status', '4 step', '5 step', '9 done']);
  expect(api.asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '4', '5']);
});

test('a sample that was over before has no more events', async () => {
  api.answer({ status: 204, body: '' });
  expect(await collect(client.watch('smp_1', { lastEventId: 9 }))).toEqual([]);
  expect(api.asked[0]!.headers['last-event-id']).toBe('9');
});

test('a refusal is an error', async () => {
  api.answer(problem('unknown-sample', 404));
  await expect(collect(client.watch('smp_1'))).rejects.toMatchObject({ type: 'unknown-sample' });
});

test('connections that bring nothing are not made for ever', { timeout: 30_000 }, async () => {
  for (let i = 0; i < 10; i++) api.answer(events());
  await expect(collect(client.watch('smp_1'))).rejects.toThrow('break off again and again');
  expect(api.asked.length).toBeLessThan(10);
});

test('a signal ends it', async () => {
  const controller = new AbortController();
  api.answer(events([1, 'step', step(1)]), { ...events([2, 'step', step(2)]) });
  await expect(async () => {
    for await (const { id } of client.watch('smp_1', { signal: controller.signal })) {
      if (id === 1) controller.abort();
    }
  }).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
});

test('waiting follows the events, and merges them into the sample', async () => {
  api.answer({ body: running }, events([1, 'step', step(3)], [2, 'status', { status: 'retrying' }], done));
  const seen: string[] = [];
  const sample = await client.waitForSample('smp_1', {
    onUpdate: ({ status, progress }) => seen.push(`${status} ${progress.step}`),
  });
  expect(sample).toEqual(ended);
  expect(seen).toEqual(['running 0', 'running 3', 'retrying 3', 'succeeded 0']);
  expect(api.asked).toHaveLength(2);
});

test('waiting looks again and again where events do not get through', async () => {
  api.answer({ body: running }, problem('not-found', 404), { body: running }, { body: ended });
  expect(await client.waitForSample('smp_1')).toEqual(ended);
  expect(api.asked.map(({ line }) => line)).toEqual([
    'GET /v1/samples/smp_1',
    'GET /v1/samples/smp_1/events',
    'GET /v1/samples/smp_1',
    'GET /v1/samples/smp_1',
  ]);
});
