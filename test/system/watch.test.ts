/** Readers of events over real connections: those that stall, leave, come again, and many at once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalRuntime, startLocalRuntime } from '../../src/cli/local/runtime.ts';
import { CairnClient, type SampleRequest, type SampleResponse } from '../../src/client/index.ts';
import type { SampleEvent } from '../../src/functions/schemas/events.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import { all, eventsOf } from '../support/events.ts';

/** Two batches that walk side by side, with previews of every step. */
const LARGE: SampleRequest = {
  model: 'mnist-32',
  classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  count: 20,
  steps: 20,
  preview_every: 1,
  seed: 5,
};
const SMALL: SampleRequest = { model: 'mnist-32', classes: [3, 1, 4], steps: 50, seed: 7 };

let folder: string;
let server: RunningServer;
let runtime: LocalRuntime;
let client: CairnClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-watch-'));
  server = await startServer({ modelsDir: 'models', host: '127.0.0.1', port: 0, threads: 1 });
  const variables = { INFERENCE_BACKEND: 'remote', INFERENCE_URL: server.url };
  runtime = await startLocalRuntime({ data: join(folder, 'data'), port: 0, variables });
  client = new CairnClient(runtime.url, { apiKey: runtime.apiKey });
});

afterAll(async () => {
  await runtime?.stop();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

async function watch(id: string, after = 0): Promise<AsyncGenerator<SampleEvent>> {
  const headers = { Authorization: `Bearer ${runtime.apiKey}`, 'Last-Event-ID': String(after) };
  return eventsOf(await fetch(`${runtime.url}/v1/samples/${id}/events`, { headers }));
}

/** A connection that asks for events and reads nothing but the first bytes of the answer. */
async function stalled(id: string, headers = ''): Promise<Socket> {
  const { hostname, port } = new URL(runtime.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET /v1/samples/${id}/events HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${runtime.apiKey}\r\n${headers}\r\n`,
  );
  const answer: Buffer = await new Promise((resolve, reject) => {
    socket.once('data', resolve).once('error', reject);
  });
  socket.pause();
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 (200|101)/);
  return socket;
}

const UPGRADE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** What a job did, but for the time that it took. */
function courseOf({ receipt, status }: SampleResponse) {
  const { images, steps, backend } = receipt!;
  const { calls, failed, lost, retries } = backend;
  return { status, images, steps, calls, failed, lost, retries };
}

test('a job runs the same course while readers stall, and one that reads on is told the latest and the end', async () => {
  const unwatched = await client.waitForSample((await client.createSample(LARGE)).id, { interval: 200 });
  const { id } = await client.createSample(LARGE);
  const sockets = await Promise.all([stalled(id), stalled(id), stalled(id, UPGRADE), stalled(id, UPGRADE)]);
  const sample = await client.waitForSample(id, { interval: 200 });
  expect(sample.status).toBe('succeeded');
  expect(courseOf(sample)).toEqual(courseOf(unwatched));

  const [reader] = sockets;
  let text = '';
  reader!.on('data', (data) => {
    text += data.toString();
  });
  reader!.resume();
  await expect.poll(() => text, { timeout: 20_000 }).toContain('event: done');
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, event]) => Number(event));
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  // Of what moves it gets what lay in the connection's buffers, and the latest.
  expect(text).toContain(`"step":${LARGE.steps}`);
  for (const socket of sockets) socket.destroy();
});

test('fifty readers see the same, and those that break off and come again miss and repeat nothing', async () => {
  const { id } = await client.createSample(SMALL);
  const whole = Array.from({ length: 40 }, async () => all(await watch(id)));
  const broken = Array.from({ length: 10 }, async (_, reader) => {
    const events: SampleEvent[] = [];
    while (events.at(-1)?.event !== 'done') {
      let taken = 0;
      for await (const event of await watch(id, events.at(-1)?.id)) {
        events.push(event);
        if (++taken > reader % 4) break;
      }
      await sleep(30 * reader);
    }
    return events;
  });
  const lists = await Promise.all([...whole, ...broken]);
  const lasting = (events: readonly SampleEvent[]) =>
    events
      .filter(({ event }) => event === 'output' || event === 'done')
      .map(({ id: event, event: name, data }) => [event, name, 'index' in data ? data.index : null]);
  for (const list of lists) {
    const ids = list.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(lasting(list)).toEqual(lasting(lists[0]!));
    expect(list.findLast(({ event }) => event === 'step')?.data).toMatchObject({ step: 50 });
  }
});

test('readers that vanish cancel nothing', async () => {
  const { id } = await client.createSample(LARGE);
  const sockets = await Promise.all([stalled(id), stalled(id, UPGRADE)]);
  for (const socket of sockets) socket.resetAndDestroy();
  expect((await client.waitForSample(id)).status).toBe('succeeded');
});
