/** Server-sent events as a client reads them, in workerd and in Node alike. */
import type { SampleEvent } from '../../src/functions/schemas/events.ts';

/** What is not an event, too: the time until a reader comes again, and signs of life. */
export interface Framing {
  retry: number | null;
  comments: number;
}

/** Reads until the stream ends; leaving the loop leaves the stream. */
export async function* eventsOf(
  response: Response,
  framing: Framing = { retry: null, comments: 0 },
): AsyncGenerator<SampleEvent> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value as Uint8Array, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const event = parse(block, framing);
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function parse(block: string, framing: Framing): SampleEvent | null {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
    }),
  );
  if (fields.has('')) framing.comments++;
  if (fields.has('retry')) framing.retry = Number(fields.get('retry'));
  const data = fields.get('data');
  if (data === undefined) return null;
  return { id: Number(fields.get('id')), event: fields.get('event'), data: JSON.parse(data) } as SampleEvent;
}

export async function all(events: AsyncIterable<SampleEvent>): Promise<SampleEvent[]> {
  const list: SampleEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

/** The first that is as wanted, and all before it. */
export async function upTo(
  events: AsyncIterable<SampleEvent>,
  wanted: (event: SampleEvent) => boolean,
): Promise<SampleEvent[]> {
  const list: SampleEvent[] = [];
  for await (const event of events) {
    list.push(event);
    if (wanted(event)) return list;
  }
  throw new Error(`the stream ended after ${list.map(({ event }) => event).join(', ')}`);
}
