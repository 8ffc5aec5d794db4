/** One sample on the page: what the API says of it, kept up to date, and its pictures step by step. */
import type {
  CairnClient,
  ForkRequest,
  SampleEvent,
  SamplePatch,
  SampleRequest,
  SampleResponse,
} from '../../../client/index.ts';
import { isFinished } from '../../../client/wait.ts';
import { ownOrigin } from '../link.ts';
import { Observable } from '../observable.ts';
import { follow } from './follow.ts';
import { Frames, type View } from './frames.ts';

/** How a run was asked for: what `curl` would send. */
export type Origin =
  | { readonly type: 'sample'; readonly request: SampleRequest }
  | { readonly type: 'fork'; readonly source: Run; readonly request: ForkRequest }
  /** Opened by a link. */
  | { readonly type: 'link' };

export class Run extends Observable {
  readonly origin: Origin;
  readonly frames = new Frames();
  /** Steps that a fork may start from, ascending. */
  kept: readonly number[] = [];
  sample: SampleResponse;
  /** Where a fork left: this run itself where it is none. */
  source: Run | null = null;
  readonly #client: CairnClient;
  #following = new AbortController();

  constructor(client: CairnClient, sample: SampleResponse, origin: Origin) {
    super();
    this.#client = client;
    this.sample = sample;
    this.origin = origin;
  }

  get id(): string {
    return this.sample.id;
  }

  get steps(): number {
    return this.sample.progress.steps;
  }

  get finished(): boolean {
    return isFinished(this.sample);
  }

  /** Steps shared with the source. */
  get sharedSteps(): number {
    return this.sample.forked_from?.step ?? 0;
  }

  /** Keeps it up to date until it is over or {@link stop}. */
  follow(): void {
    void this.#loadTrajectory();
    if (this.finished) return;
    this.#following = new AbortController();
    const follower = {
      onEvent: (event: SampleEvent) => this.#take(event),
      onLook: (sample: SampleResponse) => this.#set(sample),
    };
    void follow(this.#client, this.id, follower, this.#following.signal);
  }

  stop(): void {
    this.#following.abort();
  }

  async act(action: 'pause' | 'resume' | 'cancel'): Promise<void> {
    const wasFinished = this.finished;
    this.#set(await this.#client[`${action}Sample`](this.id));
    // A sample that had failed goes on.
    if (wasFinished && !this.finished) this.follow();
  }

  async patch(patch: SamplePatch): Promise<void> {
    this.#set(await this.#client.patchSample(this.id, patch));
  }

  /** Someone looks back while it runs: what was kept so far can be forked from. */
  scrubbed(): void {
    if (!this.finished) void this.#loadTrajectory();
  }

  /**
   * The picture of an image after so many steps. Of the steps before a fork, and of what its own frames do not know,
   * the source says.
   */
  picture(view: View, image: number, step: number): string | null {
    if (view === 'x_start' && step >= this.steps) {
      const url = this.sample.images[image]?.url;
      if (url != null) return ownOrigin(url);
    }
    const own = step <= this.sharedSteps ? null : this.frames.at(view, image, step);
    const shared = this.source?.picture(view, image, Math.min(step, this.sharedSteps));
    // Before anything is predicted there is the noise.
    return own ?? shared ?? this.frames.at('x_t', image, 0);
  }

  #take(event: SampleEvent): void {
    switch (event.event) {
      case 'status':
        this.#set({ ...this.sample, ...event.data });
        break;
      case 'step': {
        const { step } = this.sample.progress;
        this.#set({ ...this.sample, progress: event.data });
        // The noise it began with.
        if (step === 0 && event.data.step > 0) void this.#loadTrajectory();
        break;
      }
      case 'preview':
        for (const { index, png } of event.data.images) {
          this.frames.put('x_start', index, event.data.step, png);
        }
        this.changed();
        break;
      case 'done':
        this.#set(event.data.sample);
        break;
    }
  }

  #set(sample: SampleResponse): void {
    const wasFinished = this.finished;
    this.sample = sample;
    this.changed();
    if (this.finished && !wasFinished) void this.#loadTrajectory();
  }

  /** What was kept: the steps to fork from, and pictures that nobody watched. */
  async #loadTrajectory(): Promise<void> {
    if (this.sample.request.keep_trajectory === null) return;
    const { steps } = await this.#client.readTrajectory(this.id).catch(() => ({ steps: [] }));
    for (const { step, x_t, x_start } of steps) {
      this.#put('x_t', step, x_t);
      this.#put('x_start', step, x_start);
    }
    this.kept = steps
      .filter(({ complete, timestep, x_t }) => complete && timestep !== null && x_t !== null)
      .map(({ step }) => step);
    this.changed();
  }

  #put(view: View, step: number, urls: readonly (string | null)[] | null): void {
    urls?.forEach((url, image) => {
      if (url !== null) this.frames.put(view, image, step, ownOrigin(url));
    });
  }
}
