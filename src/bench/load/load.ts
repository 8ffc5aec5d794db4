/** What a load is made of, whom it meets, and what is found. */
import type { Child } from '../processes/child.ts';

export interface LoadPlan {
  readonly jobs: number;
  /** Of a job, on average: they differ, so that jobs do not end in step with each other. */
  readonly steps: number;
  /** New jobs a second, whatever becomes of those before. */
  readonly arrivals: number;
  /** Between two polls of one job, about. */
  readonly pollEveryMs: number;
  /** Of so many jobs one has a reader of its events, and another one a reader that stalls. */
  readonly readEvery: number;
  /** Of so many jobs one is canceled as soon as it was accepted. */
  readonly cancelEvery: number;
}

export interface LoadTarget {
  readonly url: string;
  readonly apiKey: string;
  /** `webhook-receiver.ts` */
  readonly receiver: Child;
  /** A path that takes as little as any answer takes, polled beside the jobs. */
  readonly floorPath: string;
}

export interface LoadResult {
  /** What did not go as it should, a line each. */
  readonly problems: readonly string[];
  /** Milliseconds of each GET. */
  readonly gets: Readonly<Record<GetKind, readonly number[]>>;
  /** From the first request to the end of the last job. */
  readonly jobsMs: number;
  /** Jobs that were accepted and not over, as those who polled them saw it. */
  readonly mostAtOnce: number;
  /** From then on until every webhook had arrived. */
  readonly webhooksMs: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly readers: { readonly reading: number; readonly stalled: number };
  readonly webhooks: WebhookTally;
}

export type GetKind = 'sample' | 'list' | 'floor';

export interface WebhookTally {
  /** Deliveries that had to arrive. */
  readonly expected: number;
  readonly attempts: number;
  /** Attempts that the receiver spoiled. */
  readonly spoiled: number;
}
