/** What a job asks of its batches. They walk in objects of their own, and every call may come twice. */
import type { Env } from '../../env.ts';
import type { BatchReport } from '../batch/report.ts';
import { batchObject } from '../batch-object.ts';
import { batchAt, batchOf, MAX_IN_FLIGHT, type SampleSpec, splitIntoBatches } from '../spec.ts';
import type { BatchView } from './job-record.ts';
import type { JobStore } from './job-store.ts';
import { isDue, mayWalk } from './next-wake.ts';

export class BatchCalls {
  readonly #env: Env;
  readonly #store: JobStore;
  /** Calls that are under way: a removal waits for them, or one might begin again what it has erased. */
  readonly #asking = new Set<Promise<unknown>>();

  constructor(env: Env, store: JobStore) {
    this.#env = env;
    this.#store = store;
  }

  /** Begins as many as may walk, and tells those that stand, are silent or miss a change of course to go on. */
  async start(): Promise<void> {
    const now = Date.now();
    this.#store.batches.takeUpAgain(now);
    const state = this.#store.read()!;
    const { spec } = state;
    // One that stands aside keeps its place: a backend that fails them all must not come to see the whole run.
    const walking = state.open.filter(({ phase }) => phase === 'open' || phase === 'aside');
    const fresh = this.#store.batches.fresh(Math.max(0, MAX_IN_FLIGHT - walking.length));
    const due = [...walking.filter((batch) => isDue(batch, state, now)), ...fresh];
    this.#store.batches.markTold(due);
    await this.#ask(due, (batch) => {
      return this.#stub(spec, batch.index).start(batchAt(spec, batch.index), this.#store.ordersFor(batch));
    });
  }

  /**
   * Lets every batch copy what it begins with, long before its turn: a source may be deleted while the job waits. What
   * fails here is tried again, and by the batch when its turn has come.
   */
  async prepare(): Promise<void> {
    const { spec, status } = this.#store.read()!;
    if (spec.start == null || status !== 'active' || this.#store.isPrepared()) return;
    const copies = await Promise.allSettled(
      splitIntoBatches(spec).map((batch) => this.#stub(spec, batch.index).prepare(batch)),
    );
    if (copies.every((copy) => copy.status === 'fulfilled' && copy.value)) this.#store.markPrepared();
  }

  async pause(): Promise<void> {
    const { spec, open } = this.#store.read()!;
    await this.#ask(open.filter(mayWalk), ({ index }) => this.#stub(spec, index).pause(batchAt(spec, index)));
  }

  /** Ends those that were begun and have not ended; none that stands aside is taken up again. */
  async stop(): Promise<void> {
    this.#store.batches.giveUp();
    const { spec, open, ending } = this.#store.read()!;
    const begun = open.filter(({ phase }) => phase === 'open');
    const keep = ending === 'failed';
    await this.#ask(begun, ({ index }) => this.#stub(spec, index).cancel(batchAt(spec, index), keep));
  }

  /** Final x of one image, if the job keeps its state. */
  async finalTensor(image: number): Promise<Float32Array | null> {
    const { spec } = this.#store.read()!;
    return image < spec.count ? this.#stub(spec, batchOf(spec, image)).finalTensor(image) : null;
  }

  /** Resolves once no call is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#asking);
  }

  /** Side by side; keeps what they answer. One that can't be reached is asked again soon. */
  async #ask(batches: readonly BatchView[], call: (batch: BatchView) => Promise<BatchReport>): Promise<void> {
    if (this.#store.isGone(Date.now())) return;
    const asked = Promise.allSettled(batches.map(call));
    this.#asking.add(asked);
    const answers = await asked;
    this.#asking.delete(asked);
    if (!this.#store.exists()) return;
    answers.forEach((answer, i) => {
      if (answer.status === 'fulfilled') this.#store.saveReport(batches[i]!.index, answer.value, Date.now());
    });
  }

  #stub({ id }: SampleSpec, index: number) {
    return batchObject(this.#env, id, index);
  }
}
