/** Events in the words of the API, made once for all readers that came in the same way. */
import type { LoggedEvent } from './event-log.ts';
import type { ShownEvent } from './shown-event.ts';
import type { WatchPorts } from './watch.ts';

/** Links in events are signed for a while: what was made longer ago is made again, ms. */
const FRESH_MS = 60_000;
const MAX_KEPT = 512;

export class Renderings {
  readonly #ports: Pick<WatchPorts, 'env' | 'presenter' | 'read' | 'record'>;
  #kept = new Map<string, Promise<ShownEvent>>();
  #since = 0;

  constructor(ports: Pick<WatchPorts, 'env' | 'presenter' | 'read' | 'record'>) {
    this.#ports = ports;
  }

  /** What the job is now goes into its end, so this must be called in the turn that read the event. */
  show(event: LoggedEvent, origin: string): Promise<ShownEvent> {
    const now = Date.now();
    if (now - this.#since > FRESH_MS || this.#kept.size >= MAX_KEPT) {
      this.#kept = new Map();
      this.#since = now;
    }
    const name = `${event.id} ${origin}`;
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const shown = this.#show(event, origin);
    // A preview's event may lose images to a later one, and the others are as quickly made as found.
    if (event.kind === 'done' || event.kind === 'output') this.#kept.set(name, shown);
    return shown;
  }

  async #show({ id, kind, data }: LoggedEvent, origin: string): Promise<ShownEvent> {
    const { presenter, env, read, record } = this.#ports;
    const view = { env, origin };
    let words = data;
    const ended = kind === 'done' ? record() : null;
    if (ended !== null) words = await presenter.done(ended, view);
    const state = kind === 'output' ? read() : null;
    if (state !== null) words = await presenter.output(state, Number(data.index), view);
    return { id, kind, json: JSON.stringify(words) };
  }
}
