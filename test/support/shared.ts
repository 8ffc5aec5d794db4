/** What the servers of the tests and the tests inside workerd agree on. */

/** How the inference proxy spoils a call. */
export type Fault = 'unavailable' | 'reject' | 'nan' | 'hang' | 'reset';

/** One webhook as the receiver saw it. */
export interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly status: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    inferenceUrl: string;
    receiverUrl: string;
  }
}
