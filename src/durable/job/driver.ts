/** What a job that is not over does with each wake: from its state to the next calls, and in the end to its end. */
import type { Env } from '../../env.ts';
import { hex } from '../batch/receipt.ts';
import { messageOf, stepDeadlineMs } from '../batch/retry.ts';
import { type Failure, isLarge, type SampleSpec } from '../spec.ts';
import type { BatchCalls } from './batch-calls.ts';
import { failureOf } from './batch-failures.ts';
import { writeGrid } from './grid.ts';
import type { JobState } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { isPast } from './next-wake.ts';
import type { QueuePlace } from './queue-place.ts';

export class JobDriver {
  readonly #env: Env;
  readonly #store: JobStore;
  readonly #batches: BatchCalls;
  readonly #place: QueuePlace;

  constructor(env: Env, store: JobStore, batches: BatchCalls, place: QueuePlace) {
    this.#env = env;
    this.#store = store;
    this.#batches = batches;
    this.#place = place;
  }

  /** @returns whether the job has ended with it */
  async drive(state: JobState): Promise<boolean> {
    const failure = failureOf(state);
    if (failure !== null) this.#store.beginEnding('failed', failure);
    if (isPast(state.spec.deadlineAt, Date.now()))
      this.#store.beginEnding('failed', pastDeadline(state.spec));
    if (this.#store.read()!.ending !== null) await this.#batches.stop();
    else await this.#batches.prepare();
    if (this.#store.read()!.ending === null) {
      if (state.paused) await this.#batches.pause();
      else if (await this.#place.reached()) await this.#batches.start();
    }
    const now = this.#store.read()!;
    if (everyBatchSucceeded(now)) await this.#finishOutputs(now);
    return this.settle();
  }

  /** Ends the job once nothing of it walks. @returns whether it has ended with this */
  settle(): boolean {
    const state = this.#store.read();
    if (state === null || state.status !== 'active') return false;
    const ending = state.ending ?? (everyBatchSucceeded(state) ? 'succeeded' : null);
    if (ending === null || state.open.some(({ phase }) => phase === 'open' || phase === 'aside'))
      return false;
    this.#store.finish(ending, Date.now());
    return true;
  }

  /** Tried again while it fails, but not for ever: a bucket that stays away ends the job with the reason. */
  async #finishOutputs({ spec, batchEndedAt }: JobState): Promise<void> {
    try {
      await writeGrid(this.#env.OUTPUTS, spec);
      if (isLarge(spec)) await this.#digestRun();
    } catch (error) {
      const failingFor = Date.now() - (batchEndedAt ?? 0);
      if (failingFor < stepDeadlineMs(this.#env.STEP_DEADLINE_SECONDS)) throw error;
      const message = `could not make the grid for ${Math.round(failingFor / 1000)} s; last error: ${messageOf(error)}`;
      this.#store.beginEnding('failed', { code: 'output_deadline', message });
    }
  }

  async #digestRun(): Promise<void> {
    const digests = this.#store.batches.allDigests();
    this.#store.saveRunDigest(hex(await crypto.subtle.digest('SHA-256', digests)));
  }
}

function everyBatchSucceeded({ fresh, open }: JobState): boolean {
  return fresh === 0 && open.length === 0;
}

function pastDeadline({ deadlineAt }: SampleSpec): Failure {
  const message = `not finished by its deadline, ${new Date(deadlineAt!).toISOString()}`;
  return { code: 'deadline_exceeded', message };
}
