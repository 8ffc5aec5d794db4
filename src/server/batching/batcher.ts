import type { ModelRunner, ModelSignature } from '../model-runner.ts';
import { FamilyService } from './family-service.ts';
import { Intake } from './intake.ts';
import type { Lane } from './lane.ts';
import { LaneShares } from './lane-shares.ts';
import { type BatcherOptions, DEFAULT_BATCHING, type ModelFamily, type ServedFamily } from './options.ts';
import { chosen } from './pending-request.ts';
import { type Member, runBatch } from './run-batch.ts';
import { realTimers, type Timers } from './timers.ts';

/**
 * Joins requests of many clients into batches and runs them, one batch at a time per slot of the engine (continuous
 * batching). Who gets in is decided by intake.ts, what is next decided by queue.ts within a model, by lane-shares.ts between models, and when by
 * window.ts.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #timers: Timers;
  readonly #services = new Set<FamilyService>();
  readonly #shares = new LaneShares();
  readonly #intake: Intake;
  #running = 0;
  #served = 0;
  #planned = false;
  #endWindow = () => {};

  constructor(options: Partial<BatcherOptions> = {}) {
    this.#options = { ...DEFAULT_BATCHING, ...options };
    this.#timers = options.timers ?? realTimers;
    this.#intake = new Intake(this.#options, this.#timers, {
      lanes: () => this.#lanes().map(({ lane }) => lane),
      filling: (lane) => this.#shares.enter(lane),
      came: () => this.#plan(),
    });
  }

  /** Takes a family into service. */
  serve(family: ModelFamily): ServedFamily {
    const { maxBatchSize, exactBatchSize, maxWindowMs } = this.#options;
    const limits = { maxItems: family.maxBatchSize ?? maxBatchSize, exactItems: exactBatchSize };
    const service = new FamilyService(`${family.id} ${++this.#served}`, family, limits, maxWindowMs);
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
          for (const request of lane.waiting()) this.#intake.fail(service, lane, request, error, 'aborted');
        }
      },
    };
  }

  #runner(service: FamilyService, signature: ModelSignature): ModelRunner {
    return {
      signature,
      infer: async (inputs, outputs, options) => {
        const tensors = await this.#intake.submit(service, inputs, outputs, options);
        return outputs.map((name) => tensors.find((tensor) => tensor.name === name)!);
      },
    };
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
      this.#intake.expire(service, lane, now);
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
    this.#intake.queueChanged(service);
    this.#running++;
    service.runBegan();
    const items = members.reduce((sum, { count }) => sum + count, 0);
    const waitMs = members.map(({ request }) => request.began(start, items));

    const { errors, smooth } = await runBatch(service.parts, members, padTo);

    const end = this.#timers.now();
    lane.lastRunMs = end - start;
    if (smooth && padTo === 0) lane.cost.observe(rowsOf(members), end - start);
    for (const { request } of members) if (request.settled) this.#intake.end(service, lane, request);
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
}

function rowsOf(members: readonly Member[]): number {
  return members.reduce((sum, { request, from, count }) => sum + request.rows(from, count), 0);
}

function guidedItems(members: readonly Member[], service: FamilyService): number {
  return members.reduce((sum, { request, from, count }) => {
    const gradient = request.work.find(({ part }) => part === service.family.gradient);
    return sum + (gradient === undefined ? 0 : chosen(gradient.mask, from, count));
  }, 0);
}
