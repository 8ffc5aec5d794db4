/** A reader of a sample's events over a connection of its own, which may stall: it takes nothing until it is told to. */
import { get, type IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';

export interface EventReader {
  /** Lets a reader that stalls go on. */
  goOn(): void;
  /** Resolves with what is wrong with the events that came, or null: ids rise, and the last event says the end. */
  readonly verdict: Promise<string | null>;
}

/** @param stalls reads nothing of the answer's body before {@link EventReader.goOn} */
export async function openEventReader(
  url: string,
  headers: Readonly<Record<string, string>>,
  stalls: boolean,
): Promise<EventReader> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent: false, headers }, resolve).on('error', reject);
  });
  if (answer.statusCode !== 200) throw new Error(`a reader of events was answered with ${answer.statusCode}`);
  const going = Promise.withResolvers<void>();
  if (!stalls) going.resolve();
  return { goOn: () => going.resolve(), verdict: going.promise.then(() => judge(answer)) };
}

async function judge(answer: IncomingMessage): Promise<string | null> {
  let last = 0;
  let ended = false;
  const problems: string[] = [];
  const parser = createParser({
    onEvent: ({ id, event }) => {
      if (ended) problems.push(`${event} came after the end`);
      if (!(Number(id) > last)) problems.push(`event ${id} came after ${last}`);
      last = Number(id);
      ended = event === 'done';
    },
  });
  try {
    for await (const text of answer.setEncoding('utf8')) parser.feed(text);
  } catch (error) {
    return `the connection broke: ${String(error)}`;
  }
  if (!ended) problems.push('the events ended without done');
  return problems[0] ?? null;
}
