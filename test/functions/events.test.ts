/** Watching a sample by server-sent events. */
import { abortAllDurableObjects, runDurableObjectAlarm } from 'cloudflare:test';
import { afterEach, describe, expect, it } from 'vitest';
import { sampleEvent } from '../../src/functions/schemas/events.ts';
import type { SampleResponse } from '../../src/functions/schemas/sample-response.ts';
import {
  batchStub,
  call,
  callBare,
  control,
  createSample,
  ended,
  getSample,
  jobStub,
  post,
  problemOf,
  SMALL_JOB,
  spoil,
  waitFor,
} from '../support/api.ts';
import { all, eventsOf, type Framing, upTo } from '../support/events.ts';

afterEach(() => spoil({ fault: null }));

async function watch(id: string, init: RequestInit = {}, query = '') {
  return eventsOf(await call(`/v1/samples/${id}/events${query}`, init));
}

function knowing(id: number): RequestInit {
  return { headers: { 'Last-Event-ID': String(id) } };
}

/** A job whose every step takes about this long. */
async function slowJob(ms: number, body: object = SMALL_JOB): Promise<SampleResponse> {
  await spoil({ fault: 'slow', ms });
  return createSample(body);
}

describe('the stream', () => {
  it('tells a whole job from the queue to its pictures, in words the schema knows', async () => {
    const { id } = await slowJob(120);
    const events = await all(await watch(id));
    for (const event of events) sampleEvent.parse(event);
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(ids.length);
    const statuses = events.flatMap(({ event, data }) => (event === 'status' ? [data.status] : []));
    expect(statuses).toEqual(['queued', 'running', 'succeeded']);
    const outputs = events.flatMap(({ event, data }) => (event === 'output' ? [data] : []));
    expect(outputs.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect((await callBare(new URL(outputs[0]!.url).pathname + new URL(outputs[0]!.url).search)).status).toBe(
      200,
    );
    const last = events.at(-1)!;
    expect(last).toMatchObject({ event: 'done', data: { status: 'succeeded', sample: { id } } });
    const { images } = await getSample(id);
    expect(last.event === 'done' && last.data.sample.images.map((image) => image.seed)).toEqual(
      images.map((image) => image.seed),
    );
    const steps = events.flatMap(({ event, data }) => (event === 'step' ? [data.step] : []));
    expect(steps.length).toBeGreaterThan(2);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(8);
    const previews = events.flatMap(({ event, data }) => (event === 'preview' ? [data] : []));
    expect(previews.length).toBeGreaterThan(1);
    expect(new Set(previews.flatMap(({ images: shown }) => shown.map(({ index }) => index)))).toEqual(
      new Set([0, 1, 2]),
    );
  });

  it('has the headers that keep events from being held back, and says when to come again', async () => {
    const { id } = await createSample({ ...SMALL_JOB, steps: 2 });
    const response = await call(`/v1/samples/${id}/events`);
    expect(response.headers.get('Content-Type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('Cache-Control')).toBe('no-cache, no-transform');
    const framing: Framing = { retry: null, comments: 0 };
    await all(eventsOf(response, framing));
    expect(framing.retry).toBe(1000);
  });

  it('says that it lives while nothing happens', async () => {
    const { id } = await createSample(SMALL_JOB);
    await call(`/v1/samples/${id}/pause`, { method: 'POST' });
    const framing: Framing = { retry: null, comments: 0 };
    const reading = all(eventsOf(await call(`/v1/samples/${id}/events`), framing));
    await expect.poll(() => framing.comments, { timeout: 20_000 }).toBe(1);
    await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    expect((await reading).at(-1)).toMatchObject({ event: 'done', data: { status: 'canceled' } });
  });

  it('tells who comes late what is still true, and who knows it all that there is no more', async () => {
    const { id } = await createSample(SMALL_JOB);
    await waitFor(id, ended);
    const events = await all(await watch(id));
    expect(events.map(({ event }) => event).filter((event) => event !== 'status')).toEqual([
      'output',
      'output',
      'output',
      'step',
      'done',
    ]);
    const response = await call(`/v1/samples/${id}/events`, knowing(events.at(-1)!.id));
    expect(response.status).toBe(204);
    expect(await all(await watch(id, knowing(999_999)))).toEqual(events);
  });

  it('goes on after the last event a reader knows: nothing lost, nothing twice', async () => {
    const { id } = await slowJob(100);
    const whole = all(await watch(id));
    const pieces: Awaited<typeof whole> = [];
    for (let cut = 1; ; cut++) {
      const query = `?last_event_id=${pieces.at(-1)?.id ?? 0}`;
      let taken = 0;
      for await (const event of await watch(id, {}, query)) {
        pieces.push(event);
        if (++taken === cut || event.event === 'done') break;
      }
      if (pieces.at(-1)?.event === 'done') break;
    }
    const ids = pieces.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const lasting = (list: typeof pieces) =>
      list
        .filter(({ event }) => event === 'output' || event === 'done' || event === 'status')
        .map(({ id: event, event: name }) => [event, name]);
    expect(lasting(pieces)).toEqual(lasting(await whole));
  });

  it('tells a failed job that goes on as one that goes on', async () => {
    await spoil({ fault: 'reject', after: 4 });
    const { id } = await createSample(SMALL_JOB);
    const first = await all(await watch(id));
    expect(first.at(-1)).toMatchObject({ event: 'done', data: { status: 'failed' } });
    expect(first.findLast(({ event }) => event === 'status')?.data).toMatchObject({
      status: 'failed',
      error: { code: 'backend_rejected' },
    });
    await spoil({ fault: null });
    await call(`/v1/samples/${id}/resume`, { method: 'POST' });
    const second = await all(await watch(id, knowing(first.at(-1)!.id)));
    expect(second.at(-1)).toMatchObject({ event: 'done', data: { status: 'succeeded' } });
    const statuses = (await all(await watch(id))).flatMap(({ event, data }) =>
      event === 'status' || event === 'done' ? [data.status] : [],
    );
    expect(statuses.filter((status) => status === 'succeeded' || status === 'failed')).toEqual([
      'failed',
      'succeeded',
      'succeeded',
    ]);
  });

  it('says why a job is retrying', async () => {
    await spoil({ fault: 'unavailable', after: 2, times: 3 });
    const { id } = await createSample(SMALL_JOB);
    const events = await all(await watch(id));
    const retrying = events.find(({ event, data }) => event === 'status' && data.status === 'retrying');
    expect(retrying?.data).toMatchObject({ retry: { message: expect.stringContaining('503') } });
  });
});

describe('what readers cannot do', () => {
  it('to leave is not to cancel', async () => {
    const { id } = await slowJob(60);
    await upTo(await watch(id), ({ event }) => event === 'step');
    expect((await waitFor(id, ended)).status).toBe('succeeded');
  });

  it('many share one job, and it is told at its own pace', async () => {
    const { id } = await slowJob(100, { ...SMALL_JOB, classes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2] });
    const startedAt = Date.now();
    const readers = Array.from({ length: 50 }, async () => all(await watch(id)));
    const lists = await Promise.all(readers);
    const seconds = (Date.now() - startedAt) / 1000;
    for (const list of lists) {
      expect(list.at(-1)?.event).toBe('done');
      const moving = list.filter(({ event }) => event === 'step');
      expect(moving.length).toBeLessThanOrEqual(4 * seconds + 2);
    }
  });

  it('a key of another account, a wrong signature and a wrong id see nothing', async () => {
    const { id, urls } = await createSample({ ...SMALL_JOB, steps: 2 });
    await waitFor(id, ended);
    expect((await callBare(`/v1/samples/${id}/events`)).status).toBe(401);
    const { pathname, search } = new URL(urls.events);
    expect((await all(eventsOf(await callBare(pathname + search)))).at(-1)?.event).toBe('done');
    expect((await callBare(pathname + search.replace(/signature=./, 'signature=_'))).status).not.toBe(200);
    expect((await call(`/v1/samples/smp_00000000000000000000000000/events`)).status).toBe(404);
    for (const bad of ['?last_event_id=abc', '?last_event_id=-1', '?last_event_id=1e3']) {
      const response = await call(`/v1/samples/${id}/events${bad}`);
      expect(response.status).toBe(422);
      expect((await problemOf(response)).detail).toContain('id of an event');
    }
    expect((await call(`/v1/samples/${id}/events`, { headers: { 'Last-Event-ID': 'x' } })).status).toBe(422);
  });

  it('preview_every is a whole number from 0 on, and by default gives about a dozen', async () => {
    for (const bad of [-1, 1.5, 'x', 100_000]) {
      expect((await post('/v1/samples', { ...SMALL_JOB, preview_every: bad })).status).toBe(422);
    }
    for (const [steps, every] of [
      [2, 1],
      [50, 4],
      [250, 18],
    ]) {
      const { id, request } = await createSample({ ...SMALL_JOB, steps: String(steps) });
      expect(request.preview_every).toBe(every);
      await call(`/v1/samples/${id}/cancel`, { method: 'POST' });
    }
    const { id } = await slowJob(60, { ...SMALL_JOB, preview_every: 0 });
    expect((await all(await watch(id))).filter(({ event }) => event === 'preview')).toEqual([]);
  });
});

it('goes on with ids that grow, after every object was torn down in the middle', async () => {
  await spoil({ fault: 'hang', after: 3 });
  const { id } = await createSample(SMALL_JOB);
  const first = await upTo(await watch(id), ({ event, data }) => event === 'step' && data.step >= 1);
  await expect.poll(async () => (await control()).calls).toBe(4);
  await abortAllDurableObjects();
  await spoil({ fault: 'slow', ms: 50 });
  await runDurableObjectAlarm(batchStub(id));
  await runDurableObjectAlarm(jobStub(id));
  const rest = await all(await watch(id, knowing(first.at(-1)!.id)));
  expect(rest[0]!.id).toBeGreaterThan(first.at(-1)!.id);
  expect(rest.at(-1)).toMatchObject({ event: 'done', data: { status: 'succeeded' } });
  expect(rest.filter(({ event }) => event === 'output')).toHaveLength(3);
});
