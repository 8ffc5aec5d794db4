import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { ModelRunner, ModelSignature, RunOptions, TensorsByName } from '../model-runner.ts';
import { BusyError, DeadlineError } from './errors.ts';
import { FamilyService } from './family-service.ts';
import type { Lane } from './lane.ts';
import { LaneShares } from './lane-shares.ts';
import type { FailureReason } from './observer.ts';
import { type BatcherOptions, DEFAULT_BATCHING, type ModelFamily, type ServedFamily } from './options.ts';
import { chosen, PendingRequest } from './pending-request.ts';
import { type Member, runBatch } from './run-batch.ts';
import { realTimers, type Timers } from './timers.ts';

/**
 * Joins requests of many clients into batches and runs them, one batch at a time per slot of the engine (continuous
 * batching). What is next is decided by queue.ts within a model, by lane-shares.ts between models, and when by
 * window.ts.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #timers: Timers;
  readonly #services = new Set<FamilyService>();
  readonly #shares = new LaneShares();
  #running = 0;
  #lastId = 0;
  #planned = false;
  #endWindow = () => {};

  constructor(options: Partial<BatcherOptions> = {}) {
    this.#options = { ...DEFAULT_BATCHING, ...options };
    this.#timers = options.timers ?? realTimers;
  }

  /** Takes a family into service. */
  serve(family: ModelFamily): ServedFamily {
    const { maxBatchSize, exactBatchSize, maxWindowMs } = this.#options;
    const limits = { maxItems: family.maxBatchSize ?? maxBatchSize, exactItems: exactBatchSize };
    const service = new FamilyService(`${family.id} ${++this.#lastId}`, family, limits, maxWindowMs);
    this.#services.add(service);
    family.engine?.onChange(() => this.#plan());
    return {
      runners: family.signatures.map((signature) => this.#runner(service, signature)),
      drain: async () => {
        await service.drain();
        this.#services.delete(service);
      },
      drop: (error) => {
        for (const lane of service.lanes) {
          for (const request of lane.waiting()) this.#fail(service, lane, request, error, 'aborted');
        }
      },
    };
  }

  #runner(service: FamilyService, signature: ModelSignature): ModelRunner {
    return {
      signature,
      infer: async (inputs, outputs, options) => {
        const tensors = await this.#submit(service, inputs, outputs, options);
        return outputs.map((name) => tensors.find((tensor) => tensor.name === name)!);
      },
    };
  }

  async #submit(
    service: FamilyService,
    inputs: TensorsByName,
    outputs: readonly string[],
    { signal, schedule, onRun }: RunOptions,
  ): Promise<readonly NamedTensor[]> {
    signal.throwIfAborted();
    const now = this.#timers.now();
    this.#admit(service, service.itemsOf(inputs), schedule.deadline, now);
    const request = new PendingRequest({
      id: ++this.#lastId,
      schedule,
      inputs,
      items: service.itemsOf(inputs),
      work: service.workOf(inputs, outputs),
      now: () => this.#timers.now(),
      onRun,
    });
    if (request.settled) return request.answer;

    const lane = service.laneOf(inputs);
    if (lane.waitingItems === 0) this.#shares.enter(lane);
    lane.add(request, now);
    service.requestCame(request);
    this.#queueChanged(service);
    this.#plan();

    const leave = () => this.#fail(service, lane, request, signal.reason, 'aborted');
    signal.addEventListener('abort', leave, { once: true });
    const stopTimer = this.#watchDeadline(service, lane, request, now);
    try {
      return await request.answer;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', leave);
    }
  }

  /** @throws {BusyError | DeadlineError} if there is no place for so many images, or no time */
  #admit(service: FamilyService, items: number, deadline: number | null, now: number): void {
    const { id } = service.family;
    try {
      service.checkOpen();
      const { waitingItems } = service;
      const tooMany = waitingItems + items - this.#options.maxQueuedItems;
      // What is larger than the whole queue would never get in otherwise.
      if (tooMany > 0 && waitingItems > 0) {
        const share = Math.min(tooMany / waitingItems, 1);
        throw new BusyError(
          `model "${id}" is busy: ${waitingItems} images wait, and ${this.#options.maxQueuedItems} may`,
          this.#retryAfterSeconds(share),
        );
      }
    } catch (error) {
      this.#options.observer?.requestFailed(id, 'busy');
      throw error;
    }
    if (deadline !== null && deadline <= now) {
      this.#options.observer?.requestFailed(id, 'deadline');
      throw new DeadlineError('the deadline of the request had passed when it came');
    }
  }

  /** When this share of all that waits is likely to have run. */
  #retryAfterSeconds(share: number): number {
    const now = this.#timers.now();
    const backlog = this.#lanes().reduce((sum, { lane }) => sum + lane.backlogMs(now), 0);
    const ms = backlog / this.#options.concurrency;
    return Math.min(Math.max(Math.ceil((share * ms) / 1000), 1), LONGEST_RETRY_AFTER);
  }

  #watchDeadline(service: FamilyService, lane: Lane, request: PendingRequest, now: number): () => void {
    const { deadline } = request.schedule;
    if (deadline === null || deadline - now > LONGEST_TIMER_MS) return () => {};
    return this.#timers.after(deadline - now, () => this.#expire(service, lane, request));
  }

  /** Fails a request that is too late, unless all of it runs already. */
  #expire(service: FamilyService, lane: Lane, request: PendingRequest): void {
    if (!lane.waiting().includes(request)) return;
    const error = new DeadlineError('the deadline of the request passed before its turn came');
    this.#fail(service, lane, request, error, 'deadline');
  }

  #fail(
    service: FamilyService,
    lane: Lane,
    request: PendingRequest,
    error: unknown,
    reason: FailureReason,
  ): void {
    if (request.settled) return;
    request.fail(error);
    this.#options.observer?.requestFailed(service.family.id, reason);
    this.#end(service, lane, request);
  }

  #end(service: FamilyService, lane: Lane, request: PendingRequest): void {
    const waited = lane.waitingItems;
    lane.remove(request, this.#timers.now());
    service.requestEnded(request);
    if (lane.waitingItems < waited) this.#queueChanged(service);
  }

  /** Runs what can run as soon as whatever else has arrived by now has been read. */
  #plan(): void {
    if (this.#planned || this.#running >= this.#options.concurrency) return;
    this.#planned = true;
    this.#timers.soon(() => {
      this.#planned = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    this.#endWindow();
    const now = this.#timers.now();
    for (const { service, lane } of this.#lanes()) {
      for (const request of lane.overdue(now)) this.#expire(service, lane, request);
    }
    while (this.#running < this.#options.concurrency) {
      const waiting = this.#lanes().filter(
        ({ service, lane }) => lane.waitingItems > 0 && !service.family.engine?.starting,
      );
      if (waiting.length === 0) return;
      const readyAt = new Map(waiting.map(({ lane }) => [lane, lane.readyAt(now)]));
      const ready = waiting.filter(({ lane }) => readyAt.get(lane)! <= now);
      const next = this.#shares.next(ready.map(({ lane }) => lane));
      if (next === undefined) {
        this.#endWindow = this.#timers.after(Math.min(...readyAt.values()) - now, () => this.#dispatch());
        return;
      }
      this.#shares.charge(
        next,
        waiting.map(({ lane }) => lane),
      );
      void this.#run(ready.find(({ lane }) => lane === next)!.service, next);
    }
  }

  async #run(service: FamilyService, lane: Lane): Promise<void> {
    const start = this.#timers.now();
    const { members, exact } = lane.take(start);
    const padTo = (exact && this.#options.exactBatchSize) || 0;
    this.#queueChanged(service);
    this.#running++;
    service.runBegan();
    const items = members.reduce((sum, { count }) => sum + count, 0);
    const waitMs = members.map(({ request }) => request.began(start, items));

    const { errors, smooth } = await runBatch(service.parts, members, padTo);

    const end = this.#timers.now();
    lane.lastRunMs = end - start;
    if (smooth && padTo === 0) lane.cost.observe(rowsOf(members), end - start);
    for (const { request } of members) if (request.settled) this.#end(service, lane, request);
    this.#running--;
    service.runEnded();
    this.#dispatch();

    const guided = guidedItems(members, service);
    this.#options.observer?.batchRan({
      model: service.family.id,
      requests: members.length,
      guided,
      unguided: items - guided,
      exact,
      waitMs,
      runMs: end - start,
      failed: !smooth,
    });
    for (const _ of errors) this.#options.observer?.requestFailed(service.family.id, 'error');
  }

  #lanes(): { service: FamilyService; lane: Lane }[] {
    return [...this.#services].flatMap((service) => [...service.lanes].map((lane) => ({ service, lane })));
  }

  #queueChanged(service: FamilyService): void {
    this.#options.observer?.queueChanged(service.family.id, service.waitingItems);
  }
}

/** Retry-After is never longer than this: the server may well have become faster. */
const LONGEST_RETRY_AFTER = 60;

/** A later deadline is not watched by a timer: setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function rowsOf(members: readonly Member[]): number {
  return members.reduce((sum, { request, from, count }) => sum + request.rows(from, count), 0);
}

function guidedItems(members: readonly Member[], service: FamilyService): number {
  return members.reduce((sum, { request, from, count }) => {
    const gradient = request.work.find(({ part }) => part === service.family.gradient);
    return sum + (gradient === undefined ? 0 : chosen(gradient.mask, from, count));
  }, 0);
}
