/**
 * Server-sent events to one reader (HTML standard, section 9.2). The reader pulls: it is a position in the event log
 * and one chunk at most, so that one that stalls costs nothing, and finds the latest state when it goes on.
 */
import type { ShownEvent } from './shown-event.ts';

export interface StreamPorts {
  /** What came after this event, oldest first. */
  read(after: number): Promise<readonly ShownEvent[]>;
  /** Called once: the reader left or has everything. */
  closed(): void;
}

/** Silence no longer than this, ms: something between the reader and us may cut idle connections. */
const HEARTBEAT_MS = 15_000;
/** After this long a reader that lost its connection comes again, ms. */
const RETRY_MS = 1_000;

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #ports: StreamPorts;
  #after: number;
  #greeted = false;
  #done = false;
  /** Something happened since the log was read. */
  #news = false;
  #notice: (() => void) | null = null;

  /** @param after id of the last event that the reader knows */
  constructor(after: number, ports: StreamPorts) {
    this.#after = after;
    this.#ports = ports;
    const encoder = new TextEncoder();
    this.body = new ReadableStream(
      {
        pull: async (controller) => {
          const text = await this.#next();
          if (text !== null) return controller.enqueue(encoder.encode(text));
          ports.closed();
          controller.close();
        },
        cancel: () => {
          ports.closed();
          this.wake();
        },
      },
      // Nothing is made before it can be sent: what is sent then is the newest.
      { highWaterMark: 0 },
    );
  }

  /** There may be something to read. */
  wake(): void {
    this.#news = true;
    this.#notice?.();
  }

  async #next(): Promise<string | null> {
    if (this.#done) return null;
    if (!this.#greeted) {
      this.#greeted = true; // headers alone may be held back until a body follows
      return `retry: ${RETRY_MS}\n\n`;
    }
    for (;;) {
      this.#news = false;
      const events = await this.#ports.read(this.#after);
      const last = events.at(-1);
      if (last !== undefined) {
        this.#after = last.id;
        this.#done = last.kind === 'done';
        return events.map(({ id, kind, json }) => `id: ${id}\nevent: ${kind}\ndata: ${json}\n\n`).join('');
      }
      if (!(await this.#newsWithin(HEARTBEAT_MS))) return ': waiting\n\n';
    }
  }

  async #newsWithin(ms: number): Promise<boolean> {
    if (this.#news) return true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#notice = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#notice = null;
    return this.#news;
  }
}
