/** HTTP for the client: the key, problems as errors, and another try where that can help. */
import { errorOf } from './error.ts';
import type { CallOptions, ClientOptions } from './options.ts';
import { backoff, retryDelay } from './retry.ts';
import { sleep } from './sleep.ts';

export interface Call extends CallOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the call may reach the API twice; by default what does not change anything, and what deletes. */
  readonly repeatable?: boolean;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const DEFAULT_RETRIES = 4;

export class Transport {
  readonly #origin: string;
  readonly #key: Readonly<Record<string, string>>;
  readonly #retries: number;
  readonly #fetch: NonNullable<ClientOptions['fetch']>;

  /** @param origin e.g. `http://127.0.0.1:8787` */
  constructor(origin: string, { apiKey, retries = DEFAULT_RETRIES, fetch: own }: ClientOptions) {
    this.#origin = origin.replace(/\/+$/, '');
    this.#key = apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
    this.#retries = retries;
    this.#fetch = own ?? ((input, init) => fetch(input, init));
  }

  async json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.fetch(path, call);
    return (await response.json()) as T;
  }

  /** For answers without a body. */
  async done(path: string, call: Call): Promise<void> {
    const response = await this.fetch(path, call);
    await response.body?.cancel();
  }

  /**
   * @param path of the API, or a whole URL from one of its answers
   * @throws {CairnError} for an unsuccessful answer
   * @throws {TypeError} when nothing answers
   */
  async fetch(path: string, call: Call = {}): Promise<Response> {
    const { method = 'GET', signal } = call;
    const repeatable = call.repeatable ?? (method === 'GET' || method === 'DELETE');
    const url = this.#urlOf(path, call.query);
    const init = this.#requestOf(url, method, call);
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      let response: Response;
      try {
        response = await this.#fetch(url.href, init);
      } catch (error) {
        if (signal?.aborted || !repeatable || attempt > this.#retries) throw error;
        await sleep(backoff(attempt), signal);
        continue;
      }
      if (response.ok) return response;
      const delay = attempt > this.#retries ? null : retryDelay(response, attempt, repeatable);
      if (delay === null) throw await errorOf(response);
      await response.body?.cancel();
      await sleep(delay, signal);
    }
  }

  #urlOf(path: string, query: Query = {}): URL {
    const url = new URL(/^https?:/.test(path) ? path : this.#origin + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  #requestOf(url: URL, method: string, { body, headers, signal }: Call): RequestInit {
    // The key goes to this API alone, whatever a link in an answer names.
    const own = url.origin === new URL(this.#origin).origin ? this.#key : {};
    return {
      method,
      headers: { ...own, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    };
  }
}
