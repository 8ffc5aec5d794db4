import { BackendError, type EvaluateOptions, type Evaluation } from '../backend.ts';
import type { PreparedRequest } from '../prepare.ts';
import type { RemoteBackend } from '../remote/remote-backend.ts';
import { Health } from './health.ts';
import type { InFlight } from './in-flight.ts';
import { Latency } from './latency.ts';
import type { Load } from './pick.ts';

export interface RouteOptions {
  /** The backend's name in the configuration. */
  readonly name: string;
  /** For operators alone. */
  readonly url: string;
  readonly model: string;
  readonly client: Pick<RemoteBackend, 'send' | 'probe'>;
  readonly weight: number;
  readonly timeoutMs: number;
  /** Of the backend, whatever the model. */
  readonly inFlight: InFlight;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/** One backend for one model: how fast and how well it has been lately. A server may have lost one model of two. */
export class Route {
  readonly health: Health;
  readonly #options: RouteOptions;
  readonly #latency = new Latency();

  constructor(options: RouteOptions) {
    this.#options = options;
    this.health = new Health(options.random);
  }

  get backend(): string {
    return this.#options.name;
  }

  load(now: number): Load {
    const { weight, inFlight } = this.#options;
    return { weight, inFlight: inFlight.images(now), msPerImage: this.#latency.perImage(now) };
  }

  /**
   * Asks the backend for a step, and learns from what comes back.
   *
   * @throws {BackendError}
   */
  async take(prepared: PreparedRequest, options: EvaluateOptions): Promise<Evaluation> {
    const { client, inFlight, timeoutMs } = this.#options;
    const images = prepared.request.shape[0];
    const startedAt = Date.now();
    const trial = ['due', 'on_trial'].includes(this.health.standing(startedAt));
    if (trial) this.health.begin(startedAt + timeoutMs);
    const end = inFlight.begin(images, startedAt + timeoutMs);
    try {
      const evaluation = await client.send(prepared, options);
      const now = Date.now();
      this.#latency.observe(now - startedAt, images, now);
      this.#succeeded();
      return evaluation;
    } catch (error) {
      if (error instanceof BackendError) this.#learn(error, { startedAt, images, trial });
      throw error;
    } finally {
      end();
    }
  }

  /** Asks beside the steps whether the backend is well again. Never throws: what it finds is in the health. */
  async probe(prepared: PreparedRequest): Promise<void> {
    const { client, timeoutMs } = this.#options;
    this.health.begin(Date.now() + timeoutMs);
    try {
      await client.probe(prepared);
      this.health.probed();
    } catch (error) {
      if (error instanceof BackendError) this.#failed(error, true);
    }
  }

  /** It refused a request that another backend then took: the fault was its own. */
  wasAlone(refusal: BackendError): void {
    this.#failed(refusal, false);
  }

  #learn(
    error: BackendError,
    { startedAt, images, trial }: { startedAt: number; images: number; trial: boolean },
  ): void {
    // An abort says nothing, and whose fault a refused request is shows when another backend has been asked.
    if (error.kind === 'aborted' || error.kind === 'rejected') {
      if (trial) this.health.calledOff();
      return;
    }
    const now = Date.now();
    this.#latency.observeFailure(now - startedAt, images, now);
    this.#failed(error, trial);
  }

  #succeeded(): void {
    if (this.health.succeeded()) this.#tell({ event: 'backend_restored' });
  }

  #failed(error: BackendError, trial: boolean): void {
    const ms = this.health.failed(error, Date.now(), trial);
    if (ms !== null) this.#tell({ event: 'backend_ejected', for_ms: Math.round(ms), reason: error.detail });
  }

  #tell(event: object): void {
    const { name, url, model, log } = this.#options;
    log(JSON.stringify({ backend: name, url, model, ...event }));
  }
}
