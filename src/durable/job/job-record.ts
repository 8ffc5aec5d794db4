/** What is known of a job. */
import type { BatchReport } from '../batch/report.ts';
import type { Failure, Patch, SampleSpec } from '../spec.ts';
import type { RunTally } from './tally.ts';
import type { Turn } from './turn.ts';

export type Ending = 'succeeded' | 'failed' | 'canceled';

/**
 * `fresh`: was not told to begin, in this life of it. `open`: was told, and has not ended. `aside`: failed, and will be
 * taken up again by itself.
 */
export type BatchPhase = 'fresh' | 'open' | 'aside' | Ending;

export interface BatchView {
  readonly index: number;
  readonly phase: BatchPhase;
  /** Raised each time it is taken up again after it had ended: see BatchOrders. */
  readonly life: number;
  /** What it last said in this life; null before it said anything. */
  readonly report: BatchReport | null;
  /** The step at which an earlier life of it ended; 0 in its first. */
  readonly reached: number;
  readonly seenAt: number;
  /** When it is taken up again, ms, if it stands aside. */
  readonly retryAt: number | null;
  /** SHA-256 of the final tensor of each of its images; null before they are written. */
  readonly digests: readonly string[] | null;
}

/** What became of the latest message to the job's own URL. */
export interface WebhookState {
  readonly id: string;
  readonly status: 'pending' | 'delivered' | 'dead';
  readonly attempts: number;
  readonly lastResult: string | null;
}

/** A change of course and when it came, ms. */
export interface PatchRecord extends Patch {
  readonly at: number;
}

/** What a job needs to know of itself to go on: small and quickly read, however many batches there are. */
export interface JobState {
  readonly spec: SampleSpec;
  readonly status: 'active' | Ending;
  readonly ending: 'failed' | 'canceled' | null;
  readonly failure: Failure | null;
  readonly createdAt: number;
  /** When its first batch began, ms; null before. */
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** When it is deleted; null while it has not ended. */
  readonly expiresAt: number | null;
  /** From its end to its deletion. */
  readonly retentionMs: number;
  readonly paused: boolean;
  /** 1, 2, ...: raised when it is taken up again after it had failed. */
  readonly life: number;
  /** Changes of course, oldest first. */
  readonly patches: readonly PatchRecord[];
  /** Batches that are neither fresh nor have succeeded: no more than walk side by side, and some that failed. */
  readonly open: readonly BatchView[];
  /** Batches that were not begun. */
  readonly fresh: number;
  /** Steps that these took in earlier lives, all together. */
  readonly freshSteps: number;
  /** Batches that have succeeded. */
  readonly succeeded: number;
  /** Images that are written. */
  readonly images: number;
  /** When a batch last ended, ms. */
  readonly batchEndedAt: number | null;
  readonly webhook: WebhookState | null;
  readonly turn: Turn;
  /** Of what decides the images; see digestRequest. */
  readonly requestDigest: string | null;
  /** When its name goes (again) to the webhook queue, because it owes events; null if it owes none. */
  readonly eventsDueAt: number | null;
  /** What the index of samples was last told, as JSON; null before it was told anything. */
  readonly indexed: string | null;
  /** How its images come into one file; null for a job that is not large, whose file is made while it is sent. */
  readonly packing: Packing | null;
}

export interface Packing {
  readonly state: 'owed' | 'done';
  /** Of the multipart upload under way. */
  readonly upload: string | null;
  /** When a try that failed is repeated, ms. */
  readonly retryAt: number;
}

/** A job as it is shown. */
export interface JobRecord extends JobState {
  /** The batches of the images that are shown: of all of them, unless the job is large. By index. */
  readonly batches: readonly BatchView[];
  /** What its batches did that succeeded; only of a large job, whose batches are not at hand. */
  readonly tally: RunTally | null;
  /** Of a large job that succeeded: SHA-256 over the digests of all images. */
  readonly runDigest: string | null;
}
