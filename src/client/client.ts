/** Typed client of the Cairn API. The types are those the Worker validates with. */
import type { HealthResponse, ModelResponse } from '../functions/schemas/common.ts';
import type { SampleEvent } from '../functions/schemas/events.ts';
import type { ForkRequestInput } from '../functions/schemas/fork-request.ts';
import type { InterpolationRequestInput } from '../functions/schemas/interpolation-request.ts';
import type { InversionRequestInput } from '../functions/schemas/inversion-request.ts';
import type { SampleListQuery, SampleListResponse, SampleSummary } from '../functions/schemas/sample-list.ts';
import type { SamplePatchInput, SampleRequestInput } from '../functions/schemas/sample-request.ts';
import type { ImageEntry, ImagePage, SampleResponse } from '../functions/schemas/sample-response.ts';
import type { TrajectoryResponse } from '../functions/schemas/trajectory.ts';
import { Accounts } from './accounts.ts';
import { type StreamOptions, streamFile } from './download.ts';
import { type WatchOptions, watchEvents } from './events.ts';
import { Keys } from './keys.ts';
import type { CallOptions, ClientOptions, CreateOptions } from './options.ts';
import { entriesOf } from './pages.ts';
import { type Call, Transport } from './transport.ts';
import { type WaitOptions, waitForEnd } from './wait.ts';
import { Webhooks } from './webhook-endpoints.ts';

export interface AnimationOptions extends CallOptions {
  /** One image, by its index, at its own size; all of them on one sheet if absent. */
  readonly image?: number;
  /** What each step predicted, or the picture under its noise; the prediction if that is kept. */
  readonly what?: 'x_start' | 'x_t';
}

export interface ImageOptions extends CallOptions {
  /** Only those that are written by now. */
  readonly ready?: boolean;
  /** Images of a page, at most 1,000. */
  readonly limit?: number;
  readonly cursor?: string;
}

export type ListOptions = CallOptions & Partial<SampleListQuery>;

/**
 * Runs in browsers, Node and Workers. Every method throws {@link CairnError} for an unsuccessful answer and `TypeError`
 * when nothing answers. Calls that may come twice are tried again, with back-off, and as late as the API asks.
 *
 * @example
 * const cairn = new CairnClient('http://127.0.0.1:8787', { apiKey });
 * const { id } = await cairn.createSample({ model: 'mnist-32', classes: [3, 1, 4], seed: 1 });
 * const sample = await cairn.waitForSample(id);
 * const png = await cairn.download(sample.outputs.grid!);
 */
export class CairnClient {
  readonly keys: Keys;
  readonly accounts: Accounts;
  readonly webhooks: Webhooks;
  readonly #transport: Transport;

  /** @param origin e.g. `http://127.0.0.1:8787` */
  constructor(origin: string, options: ClientOptions = {}) {
    this.#transport = new Transport(origin, options);
    this.keys = new Keys(this.#transport);
    this.accounts = new Accounts(this.#transport);
    this.webhooks = new Webhooks(this.#transport);
  }

  /** Accepted jobs finish whether or not anyone waits for them. */
  createSample(request: SampleRequestInput, options?: CreateOptions): Promise<SampleResponse> {
    return this.#create('/v1/samples', request, options);
  }

  /** A new sample that shares the steps before `step` and goes on from there in another way. */
  forkSample(id: string, request: ForkRequestInput, options?: CreateOptions): Promise<SampleResponse> {
    return this.#create(`/v1/samples/${encodeURIComponent(id)}/fork`, request, options);
  }

  /** Draws a finished sample again; `replay` of the new one says whether every tensor came out equal. */
  replaySample(id: string, options?: CreateOptions): Promise<SampleResponse> {
    return this.#create(`/v1/samples/${encodeURIComponent(id)}/replay`, undefined, options);
  }

  /** Walks an image back to the noise that DDIM would draw it from. */
  createInversion(request: InversionRequestInput, options?: CreateOptions): Promise<SampleResponse> {
    return this.#create('/v1/inversions', request, options);
  }

  /** Images between two seeds, or between the latents of two inversions. */
  createInterpolation(request: InterpolationRequestInput, options?: CreateOptions): Promise<SampleResponse> {
    return this.#create('/v1/interpolations', request, options);
  }

  readSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#sample(id, '', { ...options });
  }

  /** Takes effect within one step; a finished sample stays as it is. */
  cancelSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#sample(id, '/cancel', { ...options, method: 'POST', repeatable: true });
  }

  /** Stands still within one step, until it is resumed. */
  pauseSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#sample(id, '/pause', { ...options, method: 'POST', repeatable: true });
  }

  /** Goes on after a pause, or takes a failed sample up again at its last good step. */
  resumeSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#sample(id, '/resume', { ...options, method: 'POST', repeatable: true });
  }

  /** Changes class or guidance of what is under way. */
  patchSample(id: string, patch: SamplePatchInput, options?: CallOptions): Promise<SampleResponse> {
    return this.#sample(id, '', { ...options, method: 'PATCH', body: patch });
  }

  /** Keeps it at least this many seconds from now on, or from its end if it has not ended. */
  extendRetention(id: string, seconds: number, options?: CallOptions): Promise<SampleResponse> {
    const body = { retention_seconds: seconds };
    return this.#sample(id, '/retention', { ...options, method: 'POST', body, repeatable: true });
  }

  /** With its outputs, wherever it is; what runs is stopped. */
  deleteSample(id: string, options?: CallOptions): Promise<void> {
    return this.#transport.done(`/v1/samples/${encodeURIComponent(id)}`, { ...options, method: 'DELETE' });
  }

  /** One page, newest first. */
  listSamples({ signal, ...query }: ListOptions = {}): Promise<SampleListResponse> {
    return this.#transport.json('/v1/samples', { query, ...(signal !== undefined && { signal }) });
  }

  /** Every sample that the filters leave, newest first, page after page. */
  samples(options: Omit<ListOptions, 'cursor'> = {}): AsyncGenerator<SampleSummary, void, undefined> {
    return entriesOf((cursor) => this.listSamples({ ...options, ...(cursor !== undefined && { cursor }) }));
  }

  /** A page of the images of a sample, in their order. */
  listImages(id: string, { ready, limit, cursor, signal }: ImageOptions = {}): Promise<ImagePage> {
    const query = { limit, cursor, ready: ready === true ? '1' : undefined };
    return this.#sample(id, '/images', { query, ...(signal !== undefined && { signal }) });
  }

  /** Every image of a sample, page after page; of a large run that is under way, those that are `ready`. */
  images(
    id: string,
    options: Omit<ImageOptions, 'cursor'> = {},
  ): AsyncGenerator<ImageEntry, void, undefined> {
    return entriesOf((cursor) =>
      this.listImages(id, { limit: 1_000, ...options, ...(cursor !== undefined && { cursor }) }),
    );
  }

  /** Steps that were kept; `keep_trajectory` of the request asks for them. */
  readTrajectory(id: string, options?: CallOptions): Promise<TrajectoryResponse> {
    return this.#sample(id, '/trajectory', { ...options });
  }

  /** Every event until the sample is over. Leaving early cancels nothing. */
  watch(id: string, options: WatchOptions = {}): AsyncGenerator<SampleEvent, void, undefined> {
    return watchEvents(this.#transport, id, options);
  }

  /** Resolves when the sample succeeded, failed or was canceled; the status says which. */
  waitForSample(id: string, options: WaitOptions = {}): Promise<SampleResponse> {
    return waitForEnd(this, id, options);
  }

  async listModels(options?: CallOptions): Promise<ModelResponse[]> {
    const { models } = await this.#transport.json<{ models: ModelResponse[] }>('/v1/models', { ...options });
    return models;
  }

  readModel(id: string, options?: CallOptions): Promise<ModelResponse> {
    return this.#transport.json(`/v1/models/${encodeURIComponent(id)}`, { ...options });
  }

  /** Whether the deployment answers, and what it samples with. Needs no key. */
  health(options?: CallOptions): Promise<HealthResponse> {
    return this.#transport.json('/health', { ...options });
  }

  /** @param url of an image, a grid or any other output, as an answer names it */
  async download(url: string, options?: CallOptions): Promise<Uint8Array> {
    const response = await this.#transport.fetch(url, { ...options });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The same, piece by piece: for outputs too large to hold. */
  async downloadStream(url: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#transport.fetch(url, { ...options });
    return response.body!;
  }

  /** From noise to picture, animated PNG, of a sample that succeeded with `keep_trajectory`. */
  async downloadAnimation(
    id: string,
    { image, what, ...options }: AnimationOptions = {},
  ): Promise<Uint8Array> {
    const path = `/v1/samples/${encodeURIComponent(id)}/animation.png`;
    const response = await this.#transport.fetch(path, { ...options, query: { image, what } });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** The same in pieces, for files that are too large to hold; a connection that breaks is taken up again. */
  stream(url: string, options: StreamOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return streamFile(this.#transport, url, options);
  }

  #create(path: string, body: unknown, options: CreateOptions = {}): Promise<SampleResponse> {
    const { idempotencyKey = crypto.randomUUID(), wait, ...call } = options;
    return this.#transport.json(path, {
      ...call,
      method: 'POST',
      body,
      headers: {
        'Idempotency-Key': idempotencyKey,
        ...(wait !== undefined && { Prefer: `wait=${wait}` }),
      },
      repeatable: true,
    });
  }

  #sample<T>(id: string, path: string, call: Call): Promise<T> {
    return this.#transport.json(`/v1/samples/${encodeURIComponent(id)}${path}`, call);
  }
}
