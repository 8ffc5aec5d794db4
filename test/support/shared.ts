/** What the servers of the tests and the tests inside workerd agree on. */

/** How the inference proxy spoils a call. */
export type Fault =
  | 'unavailable'
  | 'reject'
  | 'unauthorized'
  | 'unknown'
  | 'patience'
  | 'nan'
  | 'garbage'
  | 'wrong_digest'
  | 'hang'
  | 'slow'
  | 'reset'
  | 'down';

/** What a proxy has seen since it was last told what to do. */
export interface ProxyReport {
  /** Inference calls. */
  readonly calls: number;
  /** Everything else: health, metadata. */
  readonly others: number;
  /** The latest inference request. */
  readonly last: { readonly parameters: Record<string, unknown>; readonly x: string } | null;
}

/** One webhook as the receiver saw it. */
export interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly status: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    inferenceUrl: string;
    /** Proxies before two more inference servers, in turn. */
    fleetUrls: string[];
    receiverUrl: string;
    /** How many hostile requests, for at most how long, and from which seed. */
    rubbish: { runs: number; seconds: number; seed: number };
  }
}
