/** Typed client of the Cairn API. The types are those the Worker validates with. */
import type { ModelResponse } from '../functions/schemas/common.ts';
import type { SampleRequest } from '../functions/schemas/sample-request.ts';
import type { SampleResponse, SampleStatus } from '../functions/schemas/sample-response.ts';
import { errorOf } from './error.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ClientOptions {
  /** Of an account; every call carries it. */
  readonly apiKey?: string;
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds between two looks. Default 500. */
  readonly interval?: number;
  /** Called with every answer, the last one included. */
  readonly onUpdate?: (sample: SampleResponse) => void;
}

const TERMINAL: ReadonlySet<SampleStatus> = new Set(['succeeded', 'failed', 'canceled']);

/** Whether a sample will not change any more. */
export function isFinished(sample: SampleResponse): boolean {
  return TERMINAL.has(sample.status);
}

/**
 * Every method throws {@link CairnError} for an unsuccessful answer and `TypeError` when nothing answers.
 *
 * @example
 * const cairn = new CairnClient('http://127.0.0.1:8787', { apiKey });
 * const { id } = await cairn.createSample({ model: 'mnist-32', classes: [3, 1, 4], seed: 1 });
 * const sample = await cairn.waitForSample(id);
 * const png = await cairn.download(sample.grid!);
 */
export class CairnClient {
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param origin e.g. `http://127.0.0.1:8787` */
  constructor(origin: string, { apiKey }: ClientOptions = {}) {
    this.#origin = origin.replace(/\/+$/, '');
    this.#headers = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
  }

  /** Accepted jobs finish whether or not anyone waits for them. */
  createSample(request: SampleRequest, options?: CallOptions): Promise<SampleResponse> {
    return this.#json('/v1/samples', {
      ...options,
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(request),
    });
  }

  readSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#json(`/v1/samples/${encodeURIComponent(id)}`, { ...options });
  }

  /** Takes effect within one step; a finished sample stays as it is. */
  cancelSample(id: string, options?: CallOptions): Promise<SampleResponse> {
    return this.#json(`/v1/samples/${encodeURIComponent(id)}/cancel`, { ...options, method: 'POST' });
  }

  /** Looks until the sample succeeded, failed or was canceled; the status says which. */
  async waitForSample(id: string, options: WaitOptions = {}): Promise<SampleResponse> {
    const { interval = 500, onUpdate, ...call } = options;
    for (;;) {
      const sample = await this.readSample(id, call);
      onUpdate?.(sample);
      if (isFinished(sample)) return sample;
      await sleep(interval, call.signal);
    }
  }

  async listModels(options?: CallOptions): Promise<ModelResponse[]> {
    const { models } = await this.#json<{ models: ModelResponse[] }>('/v1/models', { ...options });
    return models;
  }

  /** @param url of an image or a grid, as a sample names it */
  async download(url: string, options?: CallOptions): Promise<Uint8Array> {
    const response = await this.#fetch(url, { ...options });
    return new Uint8Array(await response.arrayBuffer());
  }

  async #json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.#fetch(this.#origin + path, init);
    return (await response.json()) as T;
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    // The key goes to this API alone, whatever a link in an answer names.
    const own = new URL(url).origin === new URL(this.#origin).origin ? this.#headers : {};
    const response = await fetch(url, { ...init, headers: { ...own, ...(init.headers as object) } });
    if (!response.ok) throw await errorOf(response);
    return response;
  }
}

/** Ends early when the signal fires; the next call then throws its reason. */
function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    if (signal?.aborted) done();
    else signal?.addEventListener('abort', done);
  });
}
