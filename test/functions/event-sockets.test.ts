/** Watching a sample over a WebSocket, which outlives the object that it is connected to. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { toUint8 } from '../../src/core/index.ts';
import { decodePng } from '../../src/durable/outputs.ts';
import { type SampleEvent, sampleEvent } from '../../src/functions/schemas/events.ts';
import {
  bytesOf,
  call,
  callBare,
  control,
  createSample,
  ended,
  jobStub,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { all, eventsOf } from '../support/events.ts';

afterEach(() => spoil({ fault: null }));

interface Watching {
  readonly socket: WebSocket;
  readonly events: SampleEvent[];
  readonly closed: Promise<{ code: number; reason: string }>;
}

async function watch(id: string, after = 0): Promise<Watching> {
  return listen(
    await call(`/v1/samples/${id}/events?last_event_id=${after}`, { headers: { Upgrade: 'websocket' } }),
  );
}

function listen(response: Response): Watching {
  const socket = response.webSocket;
  if (socket === null) throw new Error(`no WebSocket: ${response.status}`);
  const events: SampleEvent[] = [];
  socket.addEventListener('message', ({ data }) => {
    if (data !== 'pong') events.push(sampleEvent.parse(JSON.parse(String(data))));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  return { socket, events, closed };
}

function idsOf(events: readonly SampleEvent[]): number[] {
  return events.map(({ id }) => id);
}

function lasting(events: readonly SampleEvent[]): unknown[] {
  const kinds = ['status', 'output', 'done'];
  return events.filter(({ event }) => kinds.includes(event)).map(({ id, event }) => [id, event]);
}

/** Puts an event of this size into a job's log, as large previews would be. */
async function addLargeEvent(id: string, characters: number): Promise<void> {
  await runInDurableObject(jobStub(id), (_job, { storage }) => {
    const data = JSON.stringify({ step: 1, images: [], padding: 'x'.repeat(characters) });
    storage.sql.exec("INSERT INTO watch_event (kind, data) VALUES ('status', ?)", data);
  });
}

describe('the socket', () => {
  it('carries the same events as the stream, then closes', async () => {
    await spoil({ fault: 'slow', ms: 100 });
    const { id } = await createSample(SMALL_JOB);
    const { events, closed } = await watch(id);
    const stream = await all(eventsOf(await call(`/v1/samples/${id}/events`)));
    expect(await closed).toEqual({ code: 1000, reason: 'done' });
    expect(lasting(events)).toEqual(lasting(stream));
    expect(idsOf(events)).toEqual([...new Set(idsOf(events))].sort((a, b) => a - b));
    expect(events.filter(({ event }) => event === 'preview').length).toBeGreaterThan(0);
  });

  it('opens with a signed URL, and closes at once for who knows it all', async () => {
    const { id, urls } = await createSample({ ...SMALL_JOB, steps: 2 });
    await waitFor(id, ended);
    const { pathname, search } = new URL(urls.events);
    const headers = { Upgrade: 'websocket' };
    const { events, closed } = listen(await callBare(pathname + search, { headers }));
    expect((await closed).code).toBe(1000);
    const again = listen(
      await callBare(`${pathname}${search}&last_event_id=${events.at(-1)!.id}`, { headers }),
    );
    expect((await again.closed).code).toBe(1000);
    expect(again.events).toEqual([]);
  });

  it('lives on when the object is evicted: nothing twice, nothing lost', async () => {
    await spoil({ fault: 'slow', ms: 60 });
    const { id } = await createSample({ ...SMALL_JOB, steps: 40 });
    const { events, closed } = await watch(id);
    const seen = () => events.filter(({ event }) => event === 'step').length;
    for (let round = 0; round < 2; round++) {
      const before = seen();
      await expect.poll(seen).toBeGreaterThan(before);
      await call(`/v1/samples/${id}/pause`, { method: 'POST' });
      await evictDurableObject(jobStub(id));
      await call(`/v1/samples/${id}/resume`, { method: 'POST' });
    }
    expect((await closed).code).toBe(1000);
    expect(idsOf(events)).toEqual([...new Set(idsOf(events))].sort((a, b) => a - b));
    const statuses = events.flatMap(({ event, data }) => (event === 'status' ? [data.status] : []));
    expect(statuses.filter((status) => status === 'paused')).toHaveLength(2);
    expect(lasting(events)).toEqual(lasting(await all(eventsOf(await call(`/v1/samples/${id}/events`)))));
  });

  it('answers a ping without waking the object, and refuses what it does not understand', async () => {
    const { id } = await createSample(SMALL_JOB);
    await call(`/v1/samples/${id}/pause`, { method: 'POST' });
    const { socket, closed } = await watch(id);
    const pong = new Promise((resolve) => {
      socket.addEventListener('message', ({ data }) => data === 'pong' && resolve(data));
    });
    await evictDurableObject(jobStub(id));
    socket.send('ping');
    expect(await pong).toBe('pong');
    socket.send('{"ack": "all"}');
    expect(await closed).toMatchObject({ code: 1008 });
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
  });

  it('leaves, and the job does not mind', async () => {
    await spoil({ fault: 'slow', ms: 60 });
    const { id } = await createSample(SMALL_JOB);
    const { socket } = await watch(id);
    socket.close(1000);
    expect((await waitFor(id, ended)).status).toBe('succeeded');
  });
});

describe('a reader far behind', () => {
  const MEGABYTE = 1024 * 1024;

  async function paused(): Promise<string> {
    const { id } = await createSample(SMALL_JOB);
    await call(`/v1/samples/${id}/pause`, { method: 'POST' });
    return id;
  }

  function open(id: string): Promise<number> {
    return runInDurableObject(
      jobStub(id),
      (_job, state) => state.getWebSockets().filter(({ readyState }) => readyState === 1).length,
    );
  }

  /** Every change of a job makes it look at its readers. */
  async function touch(id: string): Promise<void> {
    await call(`/v1/samples/${id}/pause`, { method: 'POST' });
  }

  interface Reading {
    readonly socket: WebSocket;
    readonly ids: number[];
    readonly closed: Promise<number>;
  }

  async function read(id: string, after = 0): Promise<Reading> {
    const path = `/v1/samples/${id}/events?last_event_id=${after}`;
    const { webSocket } = await call(path, { headers: { Upgrade: 'websocket' } });
    const ids: number[] = [];
    webSocket!.addEventListener('message', ({ data }) => {
      ids.push(Number(/^\{"id":(\d+)/.exec(String(data))![1]));
    });
    const closed = new Promise<number>((resolve) => {
      webSocket!.addEventListener('close', ({ code }) => resolve(code));
    });
    webSocket!.accept();
    return { socket: webSocket!, ids, closed };
  }

  it('who never says what it has read is closed, and comes again with the last id it has', async () => {
    const id = await paused();
    for (let i = 0; i < 5; i++) await addLargeEvent(id, MEGABYTE);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    const codes: number[] = [];
    const ids: number[] = [];
    while (codes.at(-1) !== 1000 && codes.length < 10) {
      const reading = await read(id, ids.at(-1));
      codes.push(await reading.closed);
      ids.push(...reading.ids);
    }
    expect(codes).toEqual([1013, 1013, 1000]);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(ids.length).toBeGreaterThanOrEqual(5 + 3);
  });

  it('who does gets everything, as fast as it reads', async () => {
    const id = await paused();
    const { socket, ids, closed } = await read(id);
    await expect.poll(() => ids.length).toBeGreaterThan(0);
    socket.send(JSON.stringify({ ack: ids.at(-1) }));
    for (let i = 0; i < 6; i++) await addLargeEvent(id, MEGABYTE);
    const before = ids.length;
    await touch(id);
    await scheduler.wait(1_000);
    expect(ids.length - before).toBe(2);
    expect(await open(id)).toBe(1);
    await expect
      .poll(() => {
        socket.send(JSON.stringify({ ack: ids.at(-1) }));
        return ids.length - before;
      })
      .toBeGreaterThanOrEqual(6);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    expect(await closed).toBe(1000);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });
});

it('previews show what the steps predicted, pixel for pixel', async () => {
  await spoil({ fault: 'slow', ms: 300 });
  const { id } = await createSample({
    ...SMALL_JOB,
    preview_every: 1,
    keep_trajectory: { every: 1, what: 'x_start' },
  });
  const { events, closed } = await watch(id);
  await closed;
  expect((await control()).calls).toBe(8);
  const previews = events.flatMap(({ event, data }) => (event === 'preview' ? [data] : []));
  expect(new Set(previews.map(({ step }) => step)).size).toBeGreaterThan(4);
  for (const { step, images } of previews) {
    for (const { index, png } of images) {
      const bytes = Uint8Array.from(atob(png.split(',')[1]!), (character) => character.charCodeAt(0));
      const npy = await bytesOf(`/v1/samples/${id}/trajectory/${step}/x_start/${index}.npy`);
      const x = new Float32Array(npy.slice(-4 * 32 * 32).buffer);
      const picture = decodePng(bytes);
      expect(picture).toMatchObject({ width: 32, height: 32, channels: 1 });
      expect([...picture.data]).toEqual([...toUint8(x)]);
    }
  }
});
