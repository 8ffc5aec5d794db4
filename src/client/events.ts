/** What happens to a sample, as it happens: server-sent events over fetch, which carries the key where EventSource can't. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { SampleEvent } from '../functions/schemas/events.ts';
import type { CallOptions } from './options.ts';
import { backoff } from './retry.ts';
import { sleep } from './sleep.ts';
import type { Transport } from './transport.ts';

export interface WatchOptions extends CallOptions {
  /** Begin after this event; by default with what is true now. */
  readonly lastEventId?: number;
}

/** Connections in a row that brought no event, before it is an error. */
const MAX_EMPTY_CONNECTIONS = 5;

/**
 * Every event until the sample is over; `done` is the last one. A connection that breaks is made again and goes on
 * after the last event that came.
 *
 * @throws {CairnError} if the API refuses
 */
export async function* watchEvents(
  transport: Transport,
  id: string,
  { lastEventId, signal }: WatchOptions,
): AsyncGenerator<SampleEvent, void, undefined> {
  let last = lastEventId;
  for (let empty = 0; ; ) {
    const response = await transport.fetch(`/v1/samples/${encodeURIComponent(id)}/events`, {
      headers: {
        Accept: 'text/event-stream',
        ...(last !== undefined && { 'Last-Event-ID': String(last) }),
      },
      ...(signal !== undefined && { signal }),
    });
    if (response.status === 204 || response.body === null) return;
    try {
      for await (const message of messagesOf(response.body)) {
        const event = eventOf(message);
        if (event === null) continue;
        last = event.id;
        empty = 0;
        yield event;
        if (event.event === 'done') return;
      }
      empty++;
    } catch (error) {
      // A broken connection is a TypeError everywhere; anything else is the caller's, or ours.
      if (signal?.aborted || !(error instanceof TypeError) || ++empty > MAX_EMPTY_CONNECTIONS) throw error;
    }
    if (empty > MAX_EMPTY_CONNECTIONS) throw new TypeError(`the events of ${id} break off again and again`);
    await sleep(backoff(Math.max(1, empty)), signal);
  }
}

/** Ends with the body; leaving it early ends the connection. */
async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* messages.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Null for what has no id: not an event of a sample. Names that a newer API may send come as they are. */
function eventOf({ id, event, data }: EventSourceMessage): SampleEvent | null {
  if (id === undefined || event === undefined) return null;
  return { id: Number(id), event, data: JSON.parse(data) } as SampleEvent;
}
