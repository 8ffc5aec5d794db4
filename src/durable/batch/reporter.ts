/** How a batch keeps its job informed: of progress now and then, of its end until the job has heard it. */
import type { Env } from '../../env.ts';
import type { BatchSpec } from '../spec.ts';
import { type BatchStore, isTerminal } from './batch-store.ts';
import type { Pace } from './pace.ts';
import type { PreviewSheet, Previews } from './previews.ts';
import { describeBatch } from './report.ts';

/** Progress goes to the job at most this often, and while someone watches the job at most so often. */
const REPORT_EVERY_MS = 500;
const WATCHED_REPORT_EVERY_MS = 250;

/** What the job says to the end of a batch. */
export type Heard = 'heard' | 'job is gone' | 'not heard' | 'nothing to tell';

export class Reporter {
  readonly #env: Env;
  readonly #store: BatchStore;
  readonly #pace: Pace;
  #lastAt = 0;
  /** Whether anyone watches the job, as of its last answer. */
  #watched = false;
  /** Of the walk under way. */
  previews: Previews | null = null;

  constructor(env: Env, store: BatchStore, pace: Pace) {
    this.#env = env;
    this.#store = store;
    this.#pace = pace;
  }

  /** Makes the next progress news, however soon it comes. */
  hurry(): void {
    this.#lastAt = 0;
  }

  /**
   * Sent and forgotten: the next report, or the end, repeats it.
   *
   * @returns whether the job is still there, as far as is known; null if it is not time to tell it anything
   */
  progress(spec: BatchSpec): Promise<boolean> | null {
    const now = Date.now();
    const every = this.#watched ? WATCHED_REPORT_EVERY_MS : REPORT_EVERY_MS;
    if (now - this.#lastAt < every) return null;
    this.#lastAt = now;
    return this.#tell(spec, this.previews?.take(now, this.#watched) ?? null).catch(() => true);
  }

  async end(spec: BatchSpec): Promise<Heard> {
    const record = this.#store.read();
    if (record === null || !isTerminal(record.status) || record.reported) return 'nothing to tell';
    try {
      const known = await this.#tell(spec, this.previews?.takeLast(Date.now()) ?? null);
      if (!known) return 'job is gone';
      this.#store.markReported();
      return 'heard';
    } catch {
      return 'not heard';
    }
  }

  /** @returns whether the job is still there */
  async #tell({ job, index }: BatchSpec, previews: PreviewSheet | null): Promise<boolean> {
    const stub = this.#env.JOBS.get(this.#env.JOBS.idFromName(job.id));
    const report = describeBatch(this.#store, this.#pace.stepMs);
    const { known, watched } = await stub.batchReport(index, report, previews);
    this.#watched = watched;
    return known;
  }
}
