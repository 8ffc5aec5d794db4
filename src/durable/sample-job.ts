/**
 * One job: starts its batches, collects what they say, ends them all together, makes the contact sheet, and owes its
 * events until they are among the webhooks to deliver. It never touches a tensor: the batches walk side by side in objects of their own.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { writeSample } from '../store/samples.ts';
import type { PreviewSheet } from './batch/previews.ts';
import { messageOf, stepDeadlineMs } from './batch/retry.ts';
import { EndWaiters } from './job/end-waiters.ts';
import type { OwedEvent } from './job/events.ts';
import { entryOf, owesIndex, wordOf } from './job/index-entry.ts';
import { type BatchView, isOver, type JobRecord, JobStore, type WebhookState } from './job/job-store.ts';
import { isDue, isPast, mayWalk, nextWake } from './job/next-wake.ts';
import { owesLeave, shouldAsk, wantsTurn } from './job/turn.ts';
import type { EventPresenter } from './job/watch/presenter.ts';
import { Watch } from './job/watch/watch.ts';
import { composeGrid, decodePng, encodePng, gridColumns, gridKey, imageKey } from './outputs.ts';
import { RANKS } from './priority.ts';
import { removeAll } from './removal.ts';
import type { BatchReport } from './sample-batch.ts';
import {
  type BatchSpec,
  batchName,
  type Failure,
  MAX_IN_FLIGHT,
  type Patch,
  type SampleSpec,
  splitIntoBatches,
} from './spec.ts';
import { within } from './within.ts';

/** A batch or the bucket that could not be reached is tried again after this long. */
const RETRY_MS = 1_000;
/** Events nobody has taken for this long are queued again: a queue may lose a message, a job not. */
const EVENTS_LEASE_MS = 60_000;
/** Readers of a job that is deleted get its last events within this time, or not at all. */
const LAST_EVENTS_MS = 1_000;
/** A removal that failed goes on after this long. */
const REMOVAL_RETRY_MS = 5_000;
/** The index hears of a job that is not over at most this often. */
const INDEX_EVERY_MS = 1_000;
/** A word to the index may take this long before the job goes on without an answer. */
const INDEX_TIMEOUT_MS = 5_000;
/** A reader's look at the queue is at most this old, and takes at most so long. */
const POSITION_EVERY_MS = 1_000;
const POSITION_TIMEOUT_MS = 500;

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
  #running: Promise<void> | null = null;
  /** Calls to batches that are under way: a removal waits for them, or one might begin again what it has erased. */
  readonly #asking = new Set<Promise<unknown>>();
  #positionAt = 0;
  readonly #waiters = new EndWaiters();

  /** @param presenter the words of events: the layer above, which exports the class that the platform makes, has them */
  constructor(ctx: DurableObjectState, env: Env, presenter: EventPresenter) {
    super(ctx, env);
    this.#store = new JobStore(ctx.storage);
    this.#watch = new Watch({ state: ctx, env, presenter, read: () => this.#store.read() });
  }

  /** Accepts a job. Idempotent. @param acceptedAt ms since the epoch */
  async create(spec: SampleSpec, acceptedAt = Date.now()): Promise<JobRecord> {
    await this.#store.migrate();
    this.#store.create(spec, acceptedAt);
    await this.#store.saveRequestDigest(spec);
    await this.#prepareBatches();
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.read()!;
  }

  /** The account it belongs to; null for a job that never was. */
  async owner(): Promise<string | null> {
    return (await this.#open()) ? this.#store.owner() : null;
  }

  /** @returns null for a job that never was */
  async read(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    await this.#askPosition();
    return this.#store.read();
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
    if (this.#store.read()!.status === 'active') await this.#pauseBatches();
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.read();
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
    return this.#store.read();
  }

  /** Changes the course of a job that is not over, from the next step on that has not been asked for yet. */
  async patch(patch: Omit<Patch, 'seq'>): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    if (this.#store.read()!.status !== 'active') return this.#store.read();
    this.#store.addPatch(patch, Date.now());
    if (mayStart(this.#store.read()!)) await this.#startBatches();
    await this.#wakeAt(Date.now());
    return this.#store.read();
  }

  /** Stops every batch within the step it is at. Idempotent; a finished job stays finished. */
  async cancel(): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.beginEnding('canceled', null);
    if (this.#store.read()!.status === 'active') {
      await this.#stopBatches();
      this.#settle();
    }
    this.#watch.observe();
    await this.#wakeAt(Date.now());
    return this.#store.read();
  }

  /**
   * The queue has a place for this stay of the job.
   *
   * @returns whether the job takes it, or has it already
   */
  async offerTurn(ticket: number): Promise<boolean> {
    if (!(await this.#open())) return false;
    const record = this.#store.read()!;
    if (record.turn.ticket !== ticket) return false;
    if (record.turn.state === 'waiting' && wantsTurn(record)) {
      this.#store.turnGranted(ticket, Date.now());
      await this.#wakeAt(Date.now());
      return true;
    }
    if (record.turn.state === 'waiting') {
      this.#store.beginLeaving(); // it takes no place while it stands; if it is to go on, it queues anew
      await this.#wakeAt(Date.now());
    }
    return record.turn.state === 'granted';
  }

  /** Whether this stay in the queue goes on. */
  async keepsTurn(ticket: number): Promise<boolean> {
    if (!(await this.#open())) return false;
    const { turn } = this.#store.read()!;
    return turn.ticket === ticket && (turn.state === 'waiting' || turn.state === 'granted');
  }

  /** Keeps the job at least so long from now on, or from its end if it has not ended. */
  async keepFor(seconds: number): Promise<JobRecord | null> {
    if (!(await this.#open())) return null;
    this.#store.keepFor(seconds * 1000, Date.now());
    await this.#wakeAt(Date.now());
    return this.#store.read();
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
    this.#watch.observe();
    if (isOver(report)) await this.#wakeAt(Date.now());
    else if (owesIndex(this.#store.read()!)) await this.#wakeAt(Date.now() + INDEX_EVERY_MS);
    const due = this.#store.outbox.dueAt();
    if (due !== null) await this.#wakeAt(due);
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

  /** Final x of one image, if the job keeps its state. */
  async finalTensor(image: number): Promise<Float32Array | null> {
    const record = await this.read();
    if (record === null) return null;
    const batch = splitIntoBatches(record.spec).find((b) => image >= b.first && image < b.first + b.size);
    return batch === undefined ? null : this.#batch(batch).finalTensor(image);
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
      if (record?.status === 'active') await this.#drive(record);
      this.#watch.observe();
      await this.#leaveTurn();
      await this.#enqueueEvents();
      await this.#tellIndex();
    } catch (error) {
      console.error(JSON.stringify({ job: this.#store.read()?.spec.id, error: String(error) }));
      await this.#wakeAt(Date.now() + RETRY_MS);
      return;
    }
    await this.#schedule();
  }

  /** Whatever dies in between, the next alarm begins again: the tombstone goes last, with everything else of the job. */
  async #remove(): Promise<void> {
    if (!this.#store.exists()) return;
    this.#store.beginRemoval(); // an extension that comes now comes too late
    await Promise.allSettled(this.#asking);
    const { spec } = this.#store.read()!;
    for (let waited = 0; this.#watch.watched && waited < LAST_EVENTS_MS; waited += 100)
      await scheduler.wait(100);
    await this.#leaveTurn();
    try {
      await removeAll(this.env, spec);
      await this.#enqueueEvents();
    } catch (error) {
      console.error(JSON.stringify({ job: spec.id, removal: messageOf(error) }));
      await this.#wakeAt(Date.now() + REMOVAL_RETRY_MS);
      return;
    }
    const owed = this.#store.outbox.dueAt();
    if (owed !== null) return this.#wakeAt(owed);
    await this.ctx.storage.deleteAll();
  }

  async #drive(record: JobRecord): Promise<void> {
    const failed = record.batches.find((batch) => batch.report?.status === 'failed');
    if (failed !== undefined) this.#store.beginEnding('failed', failed.report?.failure ?? null);
    if (isPast(record.spec.deadlineAt, Date.now()))
      this.#store.beginEnding('failed', pastDeadline(record.spec));
    if (this.#store.read()!.ending !== null) await this.#stopBatches();
    else await this.#prepareBatches();
    if (this.#store.read()!.ending === null) {
      if (record.paused) await this.#pauseBatches();
      else if (await this.#hasTurn()) await this.#startBatches();
    }

    const batches = this.#store.read()!.batches;
    if (batches.every((batch) => batch.report?.status === 'succeeded'))
      await this.#finishGrid(record.spec, batches);
    this.#settle();
  }

  /** Tried again while it fails, but not for ever: a bucket that stays away ends the job with the reason. */
  async #finishGrid(spec: SampleSpec, batches: readonly BatchView[]): Promise<void> {
    try {
      await this.#writeGrid(spec);
    } catch (error) {
      const since = Math.max(...batches.map((batch) => batch.report?.finishedAt ?? 0));
      const failingFor = Date.now() - since;
      if (failingFor < stepDeadlineMs(this.env.STEP_DEADLINE_SECONDS)) throw error;
      const message = `could not make the grid for ${Math.round(failingFor / 1000)} s; last error: ${messageOf(error)}`;
      this.#store.beginEnding('failed', { code: 'output_deadline', message });
    }
  }

  /** Ends the job once every batch has. */
  #settle(): void {
    const record = this.#store.read();
    if (
      record === null ||
      record.status !== 'active' ||
      !record.batches.every((batch) => isOver(batch.report))
    )
      return;
    const ending = record.ending ?? 'succeeded';
    if (ending === 'succeeded' && !record.batches.every((batch) => batch.report?.status === 'succeeded'))
      return;
    this.#store.finish(ending, Date.now());
    this.#waiters.wakeAll();
  }

  async #startBatches(): Promise<void> {
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    const now = Date.now();
    const walking = record.batches.filter((batch) => batch.report !== null && !isOver(batch.report));
    const due = walking.filter((batch) => isDue(batch, record, now));
    const fresh = record.batches.filter((batch) => batch.report === null);
    due.push(...fresh.slice(0, Math.max(0, MAX_IN_FLIGHT - walking.length)));
    const orders = this.#store.orders();
    await this.#ask(due, (batch) => this.#batch(specs[batch.index]!).start(specs[batch.index]!, orders));
  }

  /**
   * Lets every batch copy what it begins with, long before its turn: a source may be deleted while the job waits. What
   * fails here is tried again, and by the batch when its turn has come.
   */
  async #prepareBatches(): Promise<void> {
    const { spec, status } = this.#store.read()!;
    if (spec.start == null || status !== 'active' || this.#store.isPrepared()) return;
    const copies = await Promise.allSettled(
      splitIntoBatches(spec).map((batch) => this.#batch(batch).prepare(batch)),
    );
    if (copies.every((copy) => copy.status === 'fulfilled' && copy.value)) this.#store.markPrepared();
  }

  async #pauseBatches(): Promise<void> {
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    await this.#ask(record.batches.filter(mayWalk), (batch) =>
      this.#batch(specs[batch.index]!).pause(specs[batch.index]!),
    );
  }

  async #stopBatches(): Promise<void> {
    const record = this.#store.read()!;
    const specs = splitIntoBatches(record.spec);
    const due = record.batches.filter((batch) => !isOver(batch.report));
    const keep = record.ending === 'failed';
    await this.#ask(due, (batch) => this.#batch(specs[batch.index]!).cancel(specs[batch.index]!, keep));
  }

  /** Asks batches side by side and keeps what they answer; one that can't be reached is asked again soon. */
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

  async #writeGrid(spec: SampleSpec): Promise<void> {
    const images = [];
    for (let image = 0; image < spec.count; image++) {
      const object = await this.env.OUTPUTS.get(imageKey(spec.id, image));
      if (object === null) throw new Error(`image ${image} is missing from the bucket`);
      images.push(decodePng(new Uint8Array(await object.arrayBuffer())));
    }
    const png = encodePng(composeGrid(images, gridColumns(spec.count, spec.classes?.length ?? 1)));
    await this.env.OUTPUTS.put(gridKey(spec.id), png, { httpMetadata: { contentType: 'image/png' } });
  }

  async #enqueueEvents(): Promise<void> {
    const owed = await this.owedEvents();
    const due = this.#store.outbox.dueAt();
    if (owed === null || due === null || due > Date.now()) return;
    await this.env.WEBHOOKS.send({ job: owed.spec.id });
    this.#store.outbox.enqueued(owed.events, Date.now() + EVENTS_LEASE_MS);
  }

  /** Whether the job may walk; if it is to and may not yet, the queue hears of it. */
  async #hasTurn(): Promise<boolean> {
    const now = Date.now();
    if (shouldAsk(this.#store.read()!, now)) {
      this.#store.wantTurn(now);
      const { spec, turn } = this.#store.read()!;
      const { ticket, since } = turn;
      const arrival = { job: spec.id, ticket, rank: RANKS[spec.priority], since };
      const answer = await this.#queue(spec)
        .enter(spec.account, arrival)
        .catch(() => null); // asked again soon
      if (answer?.granted === true) this.#store.turnGranted(ticket, Date.now());
      else if (answer !== null) this.#store.turnHeard(ticket, answer.position, Date.now());
    }
    return mayStart(this.#store.read()!);
  }

  /** Owed until the queue has heard it. */
  async #leaveTurn(): Promise<void> {
    const record = this.#store.read();
    if (record === null || !owesLeave(record)) return;
    this.#store.beginLeaving();
    const { spec, turn } = record;
    try {
      await this.#queue(spec).leave({ job: spec.id, ticket: turn.ticket });
      this.#store.turnLeft(turn.ticket);
    } catch {
      // The next wake tries again.
    }
  }

  /** While it waits, its position as the queue has it now; what was last heard if the queue does not answer at once. */
  async #askPosition(): Promise<void> {
    const { spec, turn, ...record } = this.#store.read()!;
    if (turn.state !== 'waiting' || record.status !== 'active') return;
    if (Date.now() - this.#positionAt < POSITION_EVERY_MS) return;
    this.#positionAt = Date.now();
    const asked = this.#queue(spec)
      .position(spec.id)
      .then((position) => {
        if (position !== null) this.#store.turnHeard(turn.ticket, position, turn.heardAt);
      });
    await within(asked, POSITION_TIMEOUT_MS);
  }

  /** Owed until the index says what the job says; one that can't be reached is told later. */
  async #tellIndex(): Promise<void> {
    const record = this.#store.read();
    if (record === null || !owesIndex(record)) return;
    const entry = entryOf(record);
    const version = this.#store.beginIndexing();
    const written = writeSample(this.env.DB, entry, version, record.indexed === null).then(() => true);
    if (await within(written, INDEX_TIMEOUT_MS)) this.#store.markIndexed(wordOf(entry));
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

  #queue({ account }: SampleSpec) {
    return this.env.ACCOUNT_QUEUES.get(this.env.ACCOUNT_QUEUES.idFromName(account));
  }

  #batch(spec: BatchSpec) {
    return this.env.BATCHES.get(this.env.BATCHES.idFromName(batchName(spec.job.id, spec.index)));
  }
}

/** Whether its batches may take steps. */
function mayStart(record: JobRecord): boolean {
  return wantsTurn(record) && record.turn.state === 'granted';
}

function pastDeadline({ deadlineAt }: SampleSpec): Failure {
  const message = `not finished by its deadline, ${new Date(deadlineAt!).toISOString()}`;
  return { code: 'deadline_exceeded', message };
}
