/**
 * One job: starts its batches, collects what they say, ends them all together, makes the contact sheet, and owes its
 * events until they are among the webhooks to deliver. It never touches a tensor: the batches walk side by side in objects of their own.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import type { PreviewSheet } from './batch/previews.ts';
import type { BatchReport } from './batch/report.ts';
import { messageOf } from './batch/retry.ts';
import { BatchCalls } from './job/batch-calls.ts';
import type { WrittenBatches } from './job/batch-table.ts';
import { enqueueEvents, tellIndex } from './job/debts.ts';
import { JobDriver } from './job/driver.ts';
import { EndWaiters } from './job/end-waiters.ts';
import type { OwedEvent } from './job/events.ts';
import { owesIndex } from './job/index-entry.ts';
import type { JobRecord, WebhookState } from './job/job-record.ts';
import { isOver, JobStore } from './job/job-store.ts';
import { Makers, type MakersTurn } from './job/makers.ts';
import { nextWake, owesPacking } from './job/next-wake.ts';
import { abandonPacking, packSome } from './job/packing.ts';
import { mayStart, QueuePlace } from './job/queue-place.ts';
import type { EventPresenter } from './job/watch/presenter.ts';
import { Watch } from './job/watch/watch.ts';
import { removeSome } from './removal.ts';
import { batchOf, isLarge, MAX_IN_FLIGHT, type Patch, type SampleSpec } from './spec.ts';

/** A batch or the bucket that could not be reached is tried again after this long. */
const RETRY_MS = 1_000;
/** Readers of a job that is deleted get its last events within this time, or not at all. */
const LAST_EVENTS_MS = 1_000;
/** A removal that failed goes on after this long. */
const REMOVAL_RETRY_MS = 5_000;
/** An alarm that is so late, ms, was lost. */
const OVERDUE_MS = 2_000;
/** The index hears of a job that is not over at most this often. */
const INDEX_EVERY_MS = 1_000;

export interface OwedEvents {
  readonly spec: SampleSpec;
  /** Oldest first. */
  readonly events: readonly OwedEvent[];
}

/** What a job tells a batch that reports to it. */
export interface ReportAnswer {
  /** Whether the job is still there; a batch without one is to go. */
  readonly known: boolean;
  /** Whether anyone watches the job: only then is it worth more than a report now and then. */
  readonly watched: boolean;
}

export abstract class SampleJob extends DurableObject<Env> {
  readonly #store: JobStore;
  readonly #watch: Watch;
  readonly #batches: BatchCalls;
  readonly #place: QueuePlace;
  readonly #driver: JobDriver;
  #running: Promise<void> | null = null;
  readonly #waiters = new EndWaiters();
  readonly #makers = new Makers();

  /** @param presenter the words of events: the layer above, which exports the class that the platform makes, has them */
  constructor(ctx: DurableObjectState, env: Env, presenter: EventPresenter) {
    super(ctx, env);
    this.#store = new JobStore(ctx.storage);
    this.#batches = new BatchCalls(env, this.#store);
    this.#place = new QueuePlace(env, this.#store);
    this.#driver = new JobDriver(env, this.#store, this.#batches, this.#place);
    this.#watch = new Watch({
      state: ctx,
      env,
      presenter,
      read: () => this.#store.read(),
      record: () => this.#store.record(),
      succeeded: () => this.#store.batches.succeededIndices(),
    });
  }

  /** Accepts a job. Idempotent. @param acceptedAt ms since the epoch */
  async create(spec: SampleSpec, acceptedAt = Date.now()): Promise<JobRecord> {
    await this.#store.migrate();
    this.#store.create(spec, acceptedAt);
    await this.#store.saveRequestDigest(spec);
    await this.#batches.prepare();
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.record()!;
  }

  /** The account it belongs to; null for a job that never was. */
  async owner(): Promise<string | null> {
    return (await this.#open()) ? this.#store.owner() : null;
  }

  /** @returns null for a job that never was */
  async read(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    await this.#stayAwake();
    await this.#place.askPosition();
    return this.#store.record();
  }

  /** The job at its end, or as it is after so many ms. A caller that leaves changes nothing. */
  async whenOver(ms: number): Promise<JobRecord | null> {
    if ((await this.read())?.status === 'active') await this.#waiters.wait(ms);
    return this.read();
  }

  /** Stands still within the step it is at. Idempotent; a finished job stays finished. */
  async pause(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.setPaused(true, Date.now());
    if (this.#store.read()!.status === 'active') await this.#batches.pause();
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.record();
  }

  /**
   * Goes on after a pause, or takes a failed job up again at its last good step. Idempotent while it runs.
   *
   * @returns the job as it is now: still `succeeded` or `canceled` if it was, for those have nothing left to do
   */
  async resume(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.setPaused(false, Date.now());
    this.#store.beginLife(Date.now());
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.record();
  }

  /** Changes the course of a job that is not over, from the next step on that has not been asked for yet. */
  async patch(patch: Omit<Patch, 'seq'>): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    if (this.#store.read()!.status !== 'active') return this.#store.record();
    this.#store.addPatch(patch, Date.now());
    if (mayStart(this.#store.read()!)) await this.#batches.start();
    await this.#wakeAt(Date.now());
    return this.#store.record();
  }

  /** Stops every batch within the step it is at. Idempotent; a finished job stays finished. */
  async cancel(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.beginEnding('canceled', null);
    if (this.#store.read()!.status === 'active') {
      await this.#batches.stop();
      if (this.#driver.settle()) this.#waiters.wakeAll();
    }
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.record();
  }

  /**
   * The queue has a place for this stay of the job.
   *
   * @returns whether the job takes it, or has it already
   */
  async offerTurn(ticket: number): Promise<boolean> {
    if (!(await this.#open())) return false;
    const { taken, news } = this.#place.offered(ticket);
    if (news) await this.#wakeAt(Date.now());
    else await this.#stayAwake();
    return taken;
  }

  /** Whether this stay in the queue goes on. */
  async keepsTurn(ticket: number): Promise<boolean> {
    if (!(await this.#open())) return false;
    await this.#stayAwake();
    return this.#place.keeps(ticket);
  }

  /** Keeps the job at least so long from now on, or from its end if it has not ended. */
  async keepFor(seconds: number): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.keepFor(seconds * 1000, Date.now());
    await this.#wakeAt(Date.now());
    return this.#store.record();
  }

  /** Deletes the job and all that belongs to it: gone for everyone at once, erased by its alarm. Idempotent. */
  async remove(): Promise<void> {
    if (!(await this.#open())) return;
    await this.cancel(); // whoever watches it, and the account's queue, hear of an end
    if (!this.#store.exists()) return;
    this.#store.beginRemoval();
    await this.#wakeAt(Date.now());
  }

  /** @param previews that are due, if any */
  async batchReport(
    index: number,
    report: BatchReport,
    previews: PreviewSheet | null = null,
  ): Promise<ReportAnswer> {
    if (!(await this.#open())) return { known: false, watched: false };
    this.#store.saveReport(index, report, Date.now());
    if (previews !== null) this.#watch.savePreviews(previews);
    const state = this.#store.read()!;
    this.#watch.observe(state);
    if (isOver(report)) await this.#wakeAt(Date.now());
    else if (owesIndex(state)) await this.#wakeAt(Date.now() + INDEX_EVERY_MS);
    if (state.eventsDueAt !== null) await this.#wakeAt(state.eventsDueAt);
    return { known: true, watched: this.#watch.watched };
  }

  /** Readers of events; see {@link Watch.attach}. @returns 404 for a job that never was */
  override async fetch(request: Request): Promise<Response> {
    if (!(await this.#open())) return new Response(null, { status: 404 });
    const { searchParams } = new URL(request.url);
    return this.#watch.attach(request, Number(searchParams.get('after')), searchParams.get('origin') ?? '');
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#watch.message(socket, message);
  }

  override webSocketClose(): void {
    this.#watch.socketClosed();
  }

  override webSocketError(): void {
    this.#watch.socketClosed();
  }

  /** What it was made of; for whoever asks for one of its files. */
  async spec(): Promise<SampleSpec | null> {
    return (await this.#open()) ? this.#store.read()!.spec : null;
  }

  /** The job with the batches of some of its images. @param images at most so many, from this one on */
  async readImages(first: number, images: number, ready: boolean): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    return this.#store.page((batches, spec) => {
      const from = batchOf(spec, first);
      const limit = Math.ceil(images / spec.batchSize) + 1;
      return ready ? batches.succeeded(from, limit) : batches.range(from, from + limit);
    });
  }

  /** Of a large run: which of its batches lie in the bucket. */
  async writtenBatches(): Promise<WrittenBatches | null> {
    return (await this.#open()) ? this.#store.batches.written() : null;
  }

  /** Final x of one image, if the job keeps its state. */
  async finalTensor(image: number): Promise<Float32Array | null> {
    return (await this.#open()) ? this.#batches.finalTensor(image) : null;
  }

  /** For whoever makes a file of it that is made once; resolves when nobody else is making it. */
  makersTurn(file: string): Promise<MakersTurn> {
    return this.#makers.turn(file);
  }

  /** What webhooks are to tell of; null for a job that never was. */
  async owedEvents(): Promise<OwedEvents | null> {
    await this.#open(); // of a job that is being removed too: its end is news
    const record = this.#store.read();
    return record === null ? null : { spec: record.spec, events: this.#store.outbox.read(record.spec.id) };
  }

  /** They are among the webhooks to deliver, and the job owes them no more. */
  async settleEvents(events: readonly OwedEvent[]): Promise<void> {
    const there = await this.#open();
    if (!this.#store.exists()) return;
    this.#store.outbox.settle(events);
    if (!there) await this.#wakeAt(Date.now()); // its removal waits for that
  }

  /** What became of a message to the job's own URL, for those who read the job. */
  async webhookSeen(state: WebhookState): Promise<void> {
    if (await this.#open()) this.#store.webhookSeen(state);
  }

  /** At least once, and perhaps twice at the same time: both are harmless. Never throws for an expected fault. */
  override async alarm(): Promise<void> {
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
    });
    await this.#running;
  }

  async #work(): Promise<void> {
    if (!(await this.#open())) return this.#remove();
    try {
      const record = this.#store.read();
      if (record?.status === 'active' && (await this.#driver.drive(record))) this.#waiters.wakeAll();
      this.#watch.observe();
      await this.#place.leave();
      await enqueueEvents(this.env, this.#store);
      await tellIndex(this.env, this.#store);
      await this.#pack();
    } catch (error) {
      console.error(JSON.stringify({ job: this.#store.read()?.spec.id, error: String(error) }));
      await this.#wakeAt(Date.now() + RETRY_MS);
      return;
    }
    await this.#schedule();
  }

  async #pack(): Promise<void> {
    const state = this.#store.read();
    if (state === null || !owesPacking(state) || state.packing!.retryAt > Date.now()) return;
    await packSome(this.env, this.#store, state);
  }

  /** Whatever dies in between, the next alarm begins again: the tombstone goes last, with everything else of the job. */
  async #remove(): Promise<void> {
    if (!this.#store.exists()) return;
    this.#store.beginRemoval(); // an extension that comes now comes too late
    await this.#batches.settled();
    const { spec } = this.#store.read()!;
    for (let waited = 0; this.#watch.watched && waited < LAST_EVENTS_MS; waited += 100)
      await scheduler.wait(100);
    await this.#place.leave();
    try {
      await abandonPacking(this.env, this.#store, spec.id);
      const batches = isLarge(spec) ? this.#store.batches.leftOver() : null;
      if (!(await removeSome(this.env, spec, batches))) return this.#wakeAt(Date.now());
      await enqueueEvents(this.env, this.#store);
    } catch (error) {
      console.error(JSON.stringify({ job: spec.id, removal: messageOf(error) }));
      await this.#wakeAt(Date.now() + REMOVAL_RETRY_MS);
      return;
    }
    const { eventsDueAt } = this.#store.read()!;
    if (eventsDueAt !== null) return this.#wakeAt(eventsDueAt);
    await this.#store.deleteAll();
  }

  /** One alarm for every reason to wake: the earliest. */
  async #schedule(): Promise<void> {
    if (this.#store.isGone(Date.now())) return this.#wakeAt(Date.now());
    const at = nextWake(this.#store.read()!, {
      now: Date.now(),
      retryMs: RETRY_MS,
      maxInFlight: MAX_IN_FLIGHT,
    });
    if (at !== null) await this.#wakeAt(at);
  }

  /**
   * Whoever looks at the job, and the queue that asks after it, set it going again if its alarm was lost, as the job
   * does for its batches.
   */
  async #stayAwake(): Promise<void> {
    if (this.#running !== null) return;
    const at = await this.ctx.storage.getAlarm();
    if (at === null) await this.#schedule();
    else if (at < Date.now() - OVERDUE_MS) await this.ctx.storage.setAlarm(Date.now());
  }

  /** Sets the alarm unless an earlier one is already set. */
  async #wakeAt(at: number): Promise<void> {
    const current = await this.ctx.storage.getAlarm();
    if (current === null || current > at) await this.ctx.storage.setAlarm(at);
  }

  async #open(): Promise<boolean> {
    if (!this.#store.exists()) return false;
    await this.#store.migrate();
    return !this.#store.isGone(Date.now());
  }
}
