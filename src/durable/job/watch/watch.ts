/** Those who watch a job, and what they are told: at most a few times a second, whatever its batches say. */
import type { Env } from '../../../env.ts';
import type { PreviewSheet } from '../../batch/previews.ts';
import { batchAt, isLarge } from '../../spec.ts';
import type { JobRecord, JobState } from '../job-record.ts';
import { EventLog, type LoggedEvent } from './event-log.ts';
import { EventSockets } from './event-sockets.ts';
import { EventStream } from './event-stream.ts';
import type { EventPresenter } from './presenter.ts';
import { Renderings } from './renderings.ts';
import type { ShownEvent } from './shown-event.ts';

/** Between two times at which readers are told something, ms. */
const TELL_EVERY_MS = 250;
/** Characters of previews that readers are told of at once: a quarter of what they get in a second. */
const PREVIEW_CHARACTERS = 64 * 1024;
/** Characters that one reader takes at once, about. */
const CHUNK_CHARACTERS = 64 * 1024;
/** Of one job, at the same time. */
const MAX_READERS = 500;

const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // Compressed or kept back to fill a buffer, events would come late.
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

export interface WatchPorts {
  readonly state: DurableObjectState;
  readonly env: Env;
  readonly presenter: EventPresenter;
  /** What the job knows, now; null for a job that never was. */
  read(): JobState | null;
  /** The same, to show it whole. */
  record(): JobRecord | null;
  /** Indices of the batches that have succeeded; only asked of a job that is not large. */
  succeeded(): readonly number[];
}

export class Watch {
  readonly #ports: WatchPorts;
  readonly #log: EventLog;
  readonly #streams = new Set<EventStream>();
  readonly #sockets: EventSockets;
  readonly #renderings: Renderings;
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Images whose writing was told; null before the log was asked. */
  #outputs: Set<number> | null = null;

  constructor(ports: WatchPorts) {
    this.#ports = ports;
    this.#log = new EventLog(ports.state.storage);
    this.#renderings = new Renderings(ports);
    this.#sockets = new EventSockets(ports.state, {
      read: (after, origin) => this.#readAfter(after, origin),
      closed: () => this.#tidy(),
    });
  }

  /** Whether anyone watches now. */
  get watched(): boolean {
    return this.#streams.size > 0 || this.#sockets.count > 0;
  }

  /**
   * After every change of the job: what must not be missed goes into the log at once, the rest soon, if anyone watches.
   * What a crash kept out of the log is put there the next time.
   */
  observe(record: JobState | null = this.#ports.read()): void {
    if (record === null) return;
    this.#log.together(() => this.#record(record));
    if (this.watched) this.#tellSoon();
  }

  savePreviews(sheet: PreviewSheet): void {
    if (this.#ports.read()?.status !== 'active') return;
    this.#log.together(() => this.#log.savePreviews(sheet));
    if (this.watched) this.#tellSoon();
  }

  /**
   * A reader: of server-sent events, or with `Upgrade: websocket` of the same over a WebSocket.
   *
   * @param after id of the last event it knows; 0 for none, and so is an id that was never given
   * @param origin of the request; links in events begin with it
   * @returns 204 if it knows everything of a job that is over, 429 if there are too many readers already
   */
  attach(request: Request, after: number, origin: string): Response {
    const isSocket = request.headers.get('Upgrade')?.toLowerCase() === 'websocket';
    if (this.#streams.size + this.#sockets.count >= MAX_READERS) return new Response(null, { status: 429 });
    this.#tidy();
    this.observe();
    const from = after > this.#log.last() ? 0 : after;
    const knowsAll = this.#log.done()?.id === from;
    if (knowsAll && !isSocket) return new Response(null, { status: 204 });
    const response = isSocket
      ? this.#sockets.accept({ after: from, origin, knowsAll })
      : this.#stream(from, origin);
    this.#tellSoon();
    return response;
  }

  message(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#sockets.message(socket, message);
  }

  /** A socket's other end has gone. */
  socketClosed(): void {
    this.#tidy();
  }

  #stream(after: number, origin: string): Response {
    const stream = new EventStream(after, {
      read: (id) => this.#readAfter(id, origin),
      closed: () => {
        this.#streams.delete(stream);
        this.#tidy();
      },
    });
    this.#streams.add(stream);
    return new Response(stream.body, { headers: STREAM_HEADERS });
  }

  #record(record: JobState): void {
    const { presenter } = this.#ports;
    const done = this.#log.done();
    if (done?.life === record.life && record.status !== 'active') return;
    if (done !== null) this.#log.removeDone();
    const { key, data } = presenter.status(record);
    this.#log.setStatus(key, data);
    this.#recordOutputs(record);
    if (record.status === 'active') return;
    this.#log.announcePreviews(PREVIEW_CHARACTERS);
    this.#log.setStep(presenter.step(record));
    this.#log.addDone(record.life);
    if (record.status === 'succeeded' && !this.watched) this.#log.clearPreviews();
  }

  /** Of a large run the step events say how many images are written, and its pages which. */
  #recordOutputs({ spec, images }: JobState): void {
    if (isLarge(spec)) return;
    this.#outputs ??= this.#log.outputs();
    if (this.#outputs.size >= images) return;
    for (const index of this.#ports.succeeded()) {
      const { first, size } = batchAt(spec, index);
      if (this.#outputs.has(first)) continue;
      for (let image = first; image < first + size; image++) {
        this.#log.addOutput(image);
        this.#outputs.add(image);
      }
    }
  }

  #tellSoon(): void {
    if (this.#timer !== null) return;
    const due = Math.max(0, this.#toldAt + TELL_EVERY_MS - Date.now());
    this.#timer = setTimeout(() => this.#tell(), due);
  }

  #tell(): void {
    this.#timer = null;
    this.#toldAt = Date.now();
    const record = this.#ports.read();
    let more = false;
    if (record?.status === 'active') {
      this.#log.together(() => {
        const { key, data } = this.#ports.presenter.status(record);
        this.#log.updateStatus(key, data);
        this.#log.setStep(this.#ports.presenter.step(record));
        more = this.#log.announcePreviews(PREVIEW_CHARACTERS);
      });
    }
    for (const stream of this.#streams) stream.wake();
    this.#sockets.wake();
    if (more && this.watched) this.#tellSoon();
  }

  /** Events leave only once they are stored: an id that a reader has seen never comes to name another event. */
  async #readAfter(after: number, origin: string): Promise<readonly ShownEvent[]> {
    const events: readonly LoggedEvent[] = this.#log.after(after, CHUNK_CHARACTERS);
    if (events.length === 0) return [];
    const showing = Promise.all(events.map((event) => this.#renderings.show(event, origin)));
    const [shown] = await Promise.all([showing, this.#ports.state.storage.sync()]);
    return shown;
  }

  /** Of a picture that is there, nobody needs the preview any more. */
  #tidy(): void {
    if (this.watched || this.#ports.read()?.status !== 'succeeded' || this.#log.done() === null) return;
    this.#log.clearPreviews();
  }
}
