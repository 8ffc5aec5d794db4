/** Everything the page shows: models, samples side by side, and where on the time axis they are looked at. */
import { CairnClient } from '../../client/client.ts';
import { CairnError } from '../../client/error.ts';
import type { ForkRequest, ModelResponse, SampleRequest } from '../../client/index.ts';
import { forgetKey, readKey, type StoredKey, storeKey } from './key.ts';
import { fragmentOf, readFragment } from './link.ts';
import { Observable } from './observable.ts';
import type { View } from './run/frames.ts';
import { type Origin, Run } from './run/run.ts';
import { letterOf, problemText, STATUS_TEXT } from './text.ts';

export class Session extends Observable {
  #client: CairnClient | null = null;
  models: readonly ModelResponse[] = [];
  /** Why there is no work without another key. */
  keyProblem: string | null = null;
  /** Of opening a link or reaching the API. */
  problem: string | null = null;
  runs: readonly Run[] = [];
  /** 0 .. 1 on the common time axis; null: as far as each has come. */
  playhead: number | null = null;
  /** Index of the image that the timeline shows. */
  image = 0;
  view: View = 'x_start';
  /** Before it is known whether the stored key is good. */
  connecting = true;
  /** Said to screen readers. */
  announcement = '';

  get ready(): boolean {
    return this.models.length > 0;
  }

  /** Takes the key and the samples from the address, and the key off it again. */
  async start(): Promise<void> {
    const { key, samples } = readFragment(location.hash);
    if (key !== null) {
      storeKey({ key, remembered: readKey()?.remembered ?? false });
      this.#writeAddress(samples);
    }
    const stored = readKey();
    if (stored !== null) await this.#connect(stored.key);
    // As the address is by now: it may have changed meanwhile.
    await this.open(readFragment(location.hash).samples);
    this.connecting = false;
    this.changed();
  }

  /** The address was changed by hand, by Back, or by a link on this page. */
  async addressChanged(): Promise<void> {
    const { key, samples } = readFragment(location.hash);
    if (key !== null) return this.start();
    if (fragmentOf(samples) === fragmentOf(this.runs.map(({ id }) => id))) return;
    await this.open(samples);
  }

  async useKey(stored: StoredKey): Promise<void> {
    storeKey(stored);
    await this.#connect(stored.key);
    if (this.ready) await this.open(readFragment(location.hash).samples);
  }

  forgetKey(): void {
    forgetKey();
    this.#client = null;
    this.models = [];
    this.keyProblem = null;
    this.#show([]);
  }

  /**
   * Shows what was accepted, even if a later request was refused.
   *
   * @throws {CairnError} for the form to show
   */
  async draw(requests: readonly SampleRequest[]): Promise<void> {
    const client = this.#requireClient();
    const runs: Run[] = [];
    try {
      // One after the other: what is wrong with the first is wrong with the second too.
      for (const request of requests) {
        runs.push(new Run(client, await client.createSample(request), { type: 'sample', request }));
      }
    } finally {
      const [first] = runs;
      if (first !== undefined) {
        const { count } = first.sample.request;
        this.image = Math.min(this.image, count - 1);
        this.playhead = null;
        this.#show(runs);
        this.#writeAddress(this.runs.map(({ id }) => id));
        this.announce(`Drawing ${count === 1 ? 'one image' : `${count} images`}.`);
        for (const run of runs) this.#follow(run);
      }
    }
  }

  /** @throws {CairnError} for the dialog to show */
  async fork(source: Run, request: ForkRequest): Promise<void> {
    const client = this.#requireClient();
    const run = this.#makeRun(client, await client.forkSample(source.id, request), {
      type: 'fork',
      source,
      request,
    });
    this.#show([...this.runs, run], this.runs);
    this.playhead = null;
    this.announce(`Forked at step ${request.step}.`);
    this.#writeAddress(this.runs.map(({ id }) => id));
    this.#follow(run);
  }

  /** Shows samples by their ids. */
  async open(ids: readonly string[]): Promise<void> {
    const client = this.#client;
    this.problem = null;
    if (client === null || !this.ready) return;
    const runs: Run[] = [];
    for (const id of ids) {
      try {
        const known = this.runs.find((run) => run.id === id);
        runs.push(known ?? this.#makeRun(client, await client.readSample(id), { type: 'link' }, runs));
      } catch (error) {
        this.problem = `${id}: ${problemText(error)}`;
      }
    }
    const shown = this.runs;
    this.#show(runs, shown);
    for (const run of runs) if (!shown.includes(run)) this.#follow(run);
  }

  /** Takes a run off the page. It goes on: looking away is not a cancel. */
  remove(run: Run): void {
    this.#show(
      this.runs.filter((other) => other !== run),
      this.runs,
    );
    this.#writeAddress(this.runs.map(({ id }) => id));
  }

  look(change: Partial<Pick<Session, 'playhead' | 'image' | 'view'>>): void {
    Object.assign(this, change);
    this.changed();
  }

  announce(text: string): void {
    this.announcement = text;
    this.changed();
  }

  async #connect(key: string): Promise<void> {
    this.#client = new CairnClient(location.origin, { apiKey: key });
    this.keyProblem = null;
    this.problem = null;
    try {
      this.models = await this.#client.listModels();
    } catch (error) {
      this.models = [];
      const refused = error instanceof CairnError && (error.status === 401 || error.status === 403);
      if (refused) this.keyProblem = problemText(error);
      else this.problem = problemText(error);
    }
    this.changed();
  }

  #makeRun(
    client: CairnClient,
    sample: Run['sample'],
    origin: Origin,
    beside: readonly Run[] = this.runs,
  ): Run {
    const run = new Run(client, sample, origin);
    run.source = beside.find(({ id }) => id === sample.forked_from?.id) ?? null;
    return run;
  }

  /** @param before those that may go on being shown; the others are no longer followed */
  #show(runs: readonly Run[], before: readonly Run[] = []): void {
    for (const run of this.runs) if (!runs.includes(run) || !before.includes(run)) run.stop();
    this.runs = runs;
    this.changed();
  }

  #follow(run: Run): void {
    run.follow();
    if (run.finished) return;
    const end = run.subscribe(() => {
      if (!run.finished) return;
      end();
      this.announce(`${letterOf(this.runs.indexOf(run))}: ${STATUS_TEXT[run.sample.status].toLowerCase()}.`);
    });
  }

  #requireClient(): CairnClient {
    if (this.#client === null) throw new Error('there is no API key');
    return this.#client;
  }

  #writeAddress(samples: readonly string[]): void {
    const fragment = fragmentOf(samples);
    const address = location.pathname + location.search + (fragment === '' ? '' : `#${fragment}`);
    // A key never stays in the history; samples can be gone back to.
    if (readFragment(location.hash).key !== null) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
  }
}
