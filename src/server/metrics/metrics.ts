/** What the server counts and measures, in Prometheus' terms (docs/serving.md has the table). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BatchObserver, BatchRun, FailureReason } from '../batching/observer.ts';
import type { ErrorReason } from '../errors.ts';

/** Steps of small models take milliseconds, of large ones on small machines many seconds. */
const SECONDS = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
];
const BATCH_SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256];

/** Read when somebody asks for the metrics. */
export interface Gauges {
  connections(): number;
  bytesInFlight(): number;
  requestsInFlight(): number;
  ready(): boolean;
  /** Models on the wire and their digests. */
  models(): Iterable<{ readonly name: string; readonly digest: string }>;
  /** Resident memory of each model's engines. */
  engines(): Promise<Iterable<{ readonly model: string; readonly bytes: number }>>;
}

export interface RequestRecord {
  /** Name on the wire; empty for a request to no model of ours. */
  readonly model: string;
  readonly status: number;
  readonly seconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly reason?: ErrorReason;
}

export class ServerMetrics implements BatchObserver {
  readonly registry = new Registry();
  readonly #requests = this.#counter('requests_total', 'Inference requests answered.', ['model', 'status']);
  readonly #errors = this.#counter('errors_total', 'Requests that got no answer of their model.', [
    'model',
    'reason',
  ]);
  readonly #requestSeconds = this.#histogram(
    'request_seconds',
    "From a request's head to the end of its answer.",
    SECONDS,
  );
  readonly #bytesIn = this.#counter('request_bytes_total', 'Bytes of request bodies.', ['model']);
  readonly #bytesOut = this.#counter('response_bytes_total', 'Bytes of answers to inference.', ['model']);
  readonly #queueDepth = this.#gauge('queue_items', 'Images that wait for a run.', ['model']);
  readonly #batchSize = this.#histogram('batch_size', 'Images in one run.', BATCH_SIZES);
  readonly #waitSeconds = this.#histogram('wait_seconds', 'Time of a request in the queue.', SECONDS);
  readonly #runSeconds = this.#histogram('run_seconds', 'Time of a run in the graphs.', SECONDS);
  readonly #items = this.#counter('items_total', 'Images that were run.', ['model', 'guided']);
  readonly #exactRuns = this.#counter('exact_runs_total', 'Runs of one exact request alone.', ['model']);
  readonly #failedRuns = this.#counter('failed_runs_total', 'Runs that failed.', ['model']);
  readonly #unanswered = this.#counter(
    'unanswered_total',
    'Requests that left the queue without an answer: busy, deadline, aborted, error.',
    ['model', 'reason'],
  );
  readonly #engineRestarts = this.#counter(
    'engine_restarts_total',
    'Engines started again after they died.',
    ['model'],
  );
  readonly #refusedConnections = this.#counter(
    'refused_connections_total',
    'Connections past the limit.',
    [],
  );
  readonly #brokenConnections = this.#counter(
    'broken_connections_total',
    'Connections cut for what they sent: no HTTP, too long a head, too slow.',
    [],
  );

  constructor(gauges: Gauges) {
    const read = (name: string, help: string, value: () => number) =>
      new Gauge({
        ...{ name: `cairn_${name}`, help, registers: [this.registry] },
        collect() {
          this.set(value());
        },
      });
    read('connections', 'Open connections.', gauges.connections);
    read('requests_in_flight', 'Inference requests being read, run or answered.', gauges.requestsInFlight);
    read('body_bytes', 'Bytes of bodies held in memory.', gauges.bytesInFlight);
    read('ready', '1 if the server takes inference requests.', () => Number(gauges.ready()));
    new Gauge({
      ...{ name: 'cairn_model_info', help: '1 for each model that is served.', registers: [this.registry] },
      labelNames: ['model', 'digest'],
      collect() {
        this.reset();
        for (const { name, digest } of gauges.models()) this.set({ model: name, digest }, 1);
      },
    });
    new Gauge({
      ...{ name: 'cairn_engine_memory_bytes', help: "Resident memory of a model's engines." },
      registers: [this.registry],
      labelNames: ['model'],
      async collect() {
        const engines = await gauges.engines();
        this.reset();
        for (const { model, bytes } of engines) this.set({ model }, bytes);
      },
    });
    collectDefaultMetrics({ register: this.registry });
  }

  /** The text that Prometheus scrapes. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  requestEnded({ model, status, seconds, bytesIn, bytesOut, reason }: RequestRecord): void {
    this.#requests.inc({ model, status });
    this.#bytesIn.inc({ model }, bytesIn);
    this.#bytesOut.inc({ model }, bytesOut);
    if (reason === undefined) this.#requestSeconds.observe({ model }, seconds);
    else this.#errors.inc({ model, reason });
  }

  queueChanged(model: string, items: number): void {
    this.#queueDepth.set({ model }, items);
  }

  batchRan({ model, guided, unguided, waitMs, runMs, exact, failed }: BatchRun): void {
    for (const wait of waitMs) this.#waitSeconds.observe({ model }, wait / 1000);
    this.#runSeconds.observe({ model }, runMs / 1000);
    this.#batchSize.observe({ model }, guided + unguided);
    this.#items.inc({ model, guided: 'true' }, guided);
    this.#items.inc({ model, guided: 'false' }, unguided);
    if (exact) this.#exactRuns.inc({ model });
    if (failed) this.#failedRuns.inc({ model });
  }

  requestFailed(model: string, reason: FailureReason): void {
    this.#unanswered.inc({ model, reason });
  }

  engineRestarted(model: string): void {
    this.#engineRestarts.inc({ model });
  }

  connectionRefused(): void {
    this.#refusedConnections.inc();
  }

  connectionBroken(): void {
    this.#brokenConnections.inc();
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `cairn_${name}`, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name: `cairn_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({
      ...{ name: `cairn_${name}`, help, buckets, registers: [this.registry] },
      labelNames: ['model'],
    });
  }
}
