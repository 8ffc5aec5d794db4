/** What a job asks of its batches. They walk in objects of their own, and every call may come twice. */
import type { Env } from '../../env.ts';
import type { BatchReport } from '../batch/report.ts';
import { type BatchSpec, batchName, MAX_IN_FLIGHT, splitIntoBatches } from '../spec.ts';
import { type BatchView, isOver, type JobStore } from './job-store.ts';
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
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    const now = Date.now();
    const walking = record.batches.filter((batch) => batch.report !== null && !isOver(batch.report));
    const due = walking.filter((batch) => isDue(batch, record, now));
    const fresh = record.batches.filter((batch) => batch.report === null);
    due.push(...fresh.slice(0, Math.max(0, MAX_IN_FLIGHT - walking.length)));
    const orders = this.#store.orders();
    await this.#ask(due, (batch) => this.#stub(specs[batch.index]!).start(specs[batch.index]!, orders));
  }

  /**
   * Lets every batch copy what it begins with, long before its turn: a source may be deleted while the job waits. What
   * fails here is tried again, and by the batch when its turn has come.
   */
  async prepare(): Promise<void> {
    const { spec, status } = this.#store.read()!;
    if (spec.start == null || status !== 'active' || this.#store.isPrepared()) return;
    const copies = await Promise.allSettled(
      splitIntoBatches(spec).map((batch) => this.#stub(batch).prepare(batch)),
    );
    if (copies.every((copy) => copy.status === 'fulfilled' && copy.value)) this.#store.markPrepared();
  }

  async pause(): Promise<void> {
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    await this.#ask(record.batches.filter(mayWalk), (batch) =>
      this.#stub(specs[batch.index]!).pause(specs[batch.index]!),
    );
  }

  /** Ends those that have not ended. */
  async stop(): Promise<void> {
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    const due = record.batches.filter((batch) => !isOver(batch.report));
    const keep = record.ending === 'failed';
    await this.#ask(due, (batch) => this.#stub(specs[batch.index]!).cancel(specs[batch.index]!, keep));
  }

  /** Final x of one image, if the job keeps its state. */
  async finalTensor(image: number): Promise<Float32Array | null> {
    const { spec } = this.#store.read()!;
    const batch = splitIntoBatches(spec).find((b) => image >= b.first && image < b.first + b.size);
    return batch === undefined ? null : this.#stub(batch).finalTensor(image);
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

  #stub(spec: BatchSpec) {
    return this.#env.BATCHES.get(this.#env.BATCHES.idFromName(batchName(spec.job.id, spec.index)));
  }
}
