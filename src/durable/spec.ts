/** What a job is: validated, resolved, complete. Plain data, stored once and never changed. */
import type { Precision } from '../inference/backend.ts';
import type { SamplerName } from '../models/manifest.ts';

export type Reproducibility = 'exact' | 'fast';

export interface SampleSpec {
  readonly id: string;
  /** Owner: nobody else sees the job. */
  readonly account: string;
  readonly model: string;
  /** Digest of the model's graphs when the job was accepted: another model never continues it. */
  readonly modelDigest: string;
  readonly sampler: SamplerName;
  /** Respacing grammar, e.g. `50`, `ddim25`, `10,10,15,20,25`; empty for every step. */
  readonly steps: string;
  /** Steps that grammar makes of the model's process. */
  readonly numSteps: number;
  readonly eta: number;
  readonly clipDenoised: boolean;
  readonly guidanceScale: number;
  /** Image n is drawn from seed + n. */
  readonly seed: number;
  readonly count: number;
  /** Image n is of class `classes[n % classes.length]`; null when nothing in the job needs a class. */
  readonly classes: readonly number[] | null;
  readonly batchSize: number;
  /** `exact`: the bits of a step do not depend on what the backend computes beside it. */
  readonly reproducibility: Reproducibility;
  /** Of the tensors on the wire to a remote backend. */
  readonly precision: Precision;
  /** Keep the final tensors after the images are written. */
  readonly keepState: boolean;
  readonly webhook: WebhookTarget | null;
  /** Where the request came in, e.g. `https://api.example.com`: links in webhooks begin with it. */
  readonly origin: string;
}

export interface WebhookTarget {
  readonly url: string;
  /** The job's own secret; null: the deployment's. */
  readonly secret: string | null;
}

/** One batch of a job: images `first` to `first + size - 1`, stepped together. */
export interface BatchSpec {
  readonly job: SampleSpec;
  readonly index: number;
  readonly first: number;
  readonly size: number;
}

/** Why a job or a batch failed: a code for programs, a sentence for people. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
}

export type FailureCode =
  | 'backend_deadline'
  | 'backend_rejected'
  | 'output_deadline'
  | 'unknown_model'
  | 'model_changed'
  | 'poison_step'
  | 'internal_error';

/** Class of image n, or null. */
export function classOf(spec: SampleSpec, image: number): number | null {
  return spec.classes === null ? null : spec.classes[image % spec.classes.length]!;
}

/** Splits a job into batches of at most its batch size, in image order. */
export function splitIntoBatches(spec: SampleSpec): BatchSpec[] {
  const batches: BatchSpec[] = [];
  for (let first = 0; first < spec.count; first += spec.batchSize) {
    batches.push({
      job: spec,
      index: batches.length,
      first,
      size: Math.min(spec.batchSize, spec.count - first),
    });
  }
  return batches;
}

/** Name of a batch's durable object: the same wherever it is computed. */
export function batchName(job: string, index: number): string {
  return `${job}/${index}`;
}
