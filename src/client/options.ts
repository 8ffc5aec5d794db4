/** What every call and every client can be told. */

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ClientOptions {
  /** Of an account; every call carries it. */
  readonly apiKey?: string;
  /** Tries after the first one, for calls that may be repeated. Default 4. */
  readonly retries?: number;
  /** In place of the global one. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>;
}

export interface CreateOptions extends CallOptions {
  /** Names the request, so that it makes one sample however often it is sent. Made up if absent. */
  readonly idempotencyKey?: string;
  /** Seconds (up to 60) that the API may hold the answer back until the sample is over. */
  readonly wait?: number;
}
