import type { NamedTensor } from '../../inference/oip/tensor.ts';
import type { RunOptions, TensorsByName } from '../model-runner.ts';
import { BusyError, DeadlineError } from './errors.ts';
import type { FamilyService } from './family-service.ts';
import type { Lane } from './lane.ts';
import type { FailureReason } from './observer.ts';
import type { BatcherOptions } from './options.ts';
import { PendingRequest } from './pending-request.ts';
import type { Timers } from './timers.ts';

/** What the intake needs of the queues behind it. */
export interface Queues {
  /** All there are. */
  lanes(): readonly Lane[];
  /** A lane is about to get its first request since it was empty. */
  filling(lane: Lane): void;
  /** A request waits. */
  came(): void;
}

/** Requests on their way into the queues and out of them: who is let in, who leaves early, and how each one ends. */
export class Intake {
  readonly #options: BatcherOptions;
  readonly #timers: Timers;
  readonly #queues: Queues;
  #lastId = 0;

  constructor(options: BatcherOptions, timers: Timers, queues: Queues) {
    this.#options = options;
    this.#timers = timers;
    this.#queues = queues;
  }

  /**
   * Has a request of checked inputs run and waits for its outputs.
   *
   * @throws {BusyError} if there is no place for it
   * @throws {DeadlineError} if its deadline passes before its turn comes
   * @throws what its signal was aborted with, or its run failed with
   */
  async submit(
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
    if (lane.waitingItems === 0) this.#queues.filling(lane);
    lane.add(request, now);
    service.requestCame(request);
    this.queueChanged(service);
    this.#queues.came();

    const leave = () => this.fail(service, lane, request, signal.reason, 'aborted');
    signal.addEventListener('abort', leave, { once: true });
    const stopTimer = this.#watchDeadline(service, lane, request, now);
    try {
      return await request.answer;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', leave);
    }
  }

  /** Fails those of a lane whose deadline has passed. */
  expire(service: FamilyService, lane: Lane, now: number): void {
    for (const request of lane.overdue(now)) this.#expireOne(service, lane, request);
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
    const backlog = this.#queues.lanes().reduce((sum, lane) => sum + lane.backlogMs(now), 0);
    const ms = backlog / this.#options.concurrency;
    return Math.min(Math.max(Math.ceil((share * ms) / 1000), 1), LONGEST_RETRY_AFTER);
  }

  #watchDeadline(service: FamilyService, lane: Lane, request: PendingRequest, now: number): () => void {
    const { deadline } = request.schedule;
    if (deadline === null || deadline - now > LONGEST_TIMER_MS) return () => {};
    return this.#timers.after(deadline - now, () => this.#expireOne(service, lane, request));
  }

  /** Fails a request that is too late, unless all of it runs already. */
  #expireOne(service: FamilyService, lane: Lane, request: PendingRequest): void {
    if (!lane.waiting().includes(request)) return;
    const error = new DeadlineError('the deadline of the request passed before its turn came');
    this.fail(service, lane, request, error, 'deadline');
  }

  /** Fails a request and takes it out of its queue, if it has not ended. */
  fail(
    service: FamilyService,
    lane: Lane,
    request: PendingRequest,
    error: unknown,
    reason: FailureReason,
  ): void {
    if (request.settled) return;
    request.fail(error);
    this.#options.observer?.requestFailed(service.family.id, reason);
    this.end(service, lane, request);
  }

  /** Takes a request that has ended out of its queue. */
  end(service: FamilyService, lane: Lane, request: PendingRequest): void {
    const waited = lane.waitingItems;
    lane.remove(request, this.#timers.now());
    service.requestEnded(request);
    if (lane.waitingItems < waited) this.queueChanged(service);
  }

  /** The number of images that wait has changed. */
  queueChanged(service: FamilyService): void {
    this.#options.observer?.queueChanged(service.family.id, service.waitingItems);
  }
}

/** Retry-After is never longer than this: the server may well have become faster. */
const LONGEST_RETRY_AFTER = 60;

/** A later deadline is not watched by a timer: setTimeout takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
