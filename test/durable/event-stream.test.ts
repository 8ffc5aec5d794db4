/** One reader of server-sent events: what it costs while it does not read, and what it finds when it does. */
import { describe, expect, it } from 'vitest';
import { EventStream } from '../../src/durable/job/watch/event-stream.ts';
import type { ShownEvent } from '../../src/durable/job/watch/shown-event.ts';

/** A log as a job keeps it: a new step takes the place of the one before. */
function logOf() {
  let events: ShownEvent[] = [];
  let id = 0;
  let reads = 0;
  let closed = 0;
  const stream = new EventStream(0, {
    read: async (after) => {
      reads++;
      return events.filter((event) => event.id > after);
    },
    closed: () => {
      closed++;
    },
  });
  return {
    reader: stream.body.getReader(),
    reads: () => reads,
    closed: () => closed,
    add(kind: ShownEvent['kind']) {
      events = events.filter((event) => kind !== 'step' || event.kind !== 'step');
      events.push({ id: ++id, kind, json: `{"n":${id}}` });
      stream.wake();
    },
  };
}

async function textOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

describe('a reader', () => {
  it('that does not read costs nothing, and finds the latest when it does', async () => {
    const log = logOf();
    expect(await textOf(log.reader)).toBe('retry: 1000\n\n');
    for (let i = 0; i < 1000; i++) log.add('step');
    await scheduler.wait(20);
    expect(log.reads()).toBe(0);
    log.add('output');
    expect(await textOf(log.reader)).toBe(
      'id: 1000\nevent: step\ndata: {"n":1000}\n\nid: 1001\nevent: output\ndata: {"n":1001}\n\n',
    );
  });

  it('is told as soon as there is something', async () => {
    const log = logOf();
    await textOf(log.reader);
    const reading = textOf(log.reader);
    await scheduler.wait(20);
    log.add('status');
    expect(await reading).toBe('id: 1\nevent: status\ndata: {"n":1}\n\n');
  });

  it('has an end after done, and one that leaves is forgotten while it waits', async () => {
    const log = logOf();
    await textOf(log.reader);
    log.add('done');
    await textOf(log.reader);
    expect((await log.reader.read()).done).toBe(true);
    expect(log.closed()).toBe(1);

    const left = logOf();
    await textOf(left.reader);
    const waiting = left.reader.read();
    await left.reader.cancel();
    expect((await waiting).done).toBe(true);
    expect(left.closed()).toBe(1);
  });
});
