/** What a job is: validated, resolved, complete. Plain data, stored once and never changed. */
import type { GuidanceSchedule, SamplerName } from '../core/index.ts';
import type { Precision } from '../inference/backend.ts';
import type { SteeredFrom } from './batch/course.ts';
import type { SampleEvent } from './job/event-names.ts';
import { type LabelRule, labelAt } from './labels.ts';

export type Reproducibility = 'exact' | 'fast';

/** `inversion`: from an image to its latent. `interpolation`: from one piece of noise to another, image by image. */
export type JobKind = 'sample' | 'inversion' | 'interpolation';

export interface SampleSpec {
  readonly id: string;
  /** Absent: `sample`. */
  readonly kind?: JobKind;
  /** Owner: nobody else sees the job. */
  readonly account: string;
  readonly model: string;
  /** Digest of the model's graphs when the job was accepted: another model never continues it. */
  readonly modelDigest: string;
  readonly sampler: SamplerName;
  /** Respacing grammar, e.g. `50`, `ddim25`, `10,10,15,20,25`; empty for every step. */
  readonly steps: string;
  /** Exactly the timesteps to visit, ascending, in place of what the grammar gives: of a fork with another tail. */
  readonly timesteps?: readonly number[] | null;
  /** Steps of the whole trajectory, those that were shared included. */
  readonly numSteps: number;
  /** Where the walk begins; null or absent: at noise drawn from the seeds. */
  readonly start?: Start | null;
  /** Steps of another job's trajectory that lie before the start; absent: 0. */
  readonly sharedSteps?: number;
  /** Per batch the changes of course that hold from the begin, each from its step: those of a job that is taken on. */
  readonly course?: readonly (readonly SteeredFrom[])[] | null;
  readonly forkedFrom?: { readonly id: string; readonly step: number } | null;
  readonly replayOf?: ReplayOf | null;
  readonly eta: number;
  readonly clipDenoised: boolean;
  readonly guidance: GuidanceSchedule;
  /** Image n is drawn from seed + n. */
  readonly seed: number;
  readonly count: number;
  /** Null when nothing in the job needs a class. */
  readonly classes: Classes | null;
  readonly batchSize: number;
  /** `exact`: the bits of a step do not depend on what the backend computes beside it. */
  readonly reproducibility: Reproducibility;
  /** Of the tensors on the wire to a remote backend. */
  readonly precision: Precision;
  /** Steps to keep on the way; null or absent: none. */
  readonly keepTrajectory?: KeepTrajectory | null;
  /** Keep the final tensors after the images are written. */
  readonly keepState: boolean;
  /** Steps between previews of the predicted x_start; 0 for none. */
  readonly previewEvery: number;
  /** ms since the epoch after which the job fails if it has not finished; null for never. */
  readonly deadlineAt: number | null;
  /** It is deleted this long after it ended. */
  readonly retentionSeconds: number;
  readonly priority: Priority;
  /** The caller's own notes. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly webhook: WebhookTarget | null;
  /** Where the request came in, e.g. `https://api.example.com`: links in webhooks begin with it. */
  readonly origin: string;
}

/** Its place in the account's queue, and its share of the backend's turns. */
export type Priority = 'high' | 'normal' | 'low';

/** A class, or weights over several by class index: guidance follows the sum of weight times log-probability. */
export type ClassTarget = number | Readonly<Record<number, number>>;

/** Image n is of class `classes[n % classes.length]`, or of the one that a rule gives it. */
export type Classes = readonly ClassTarget[] | LabelRule;

/**
 * A start that is not drawn from seeds. Whatever it is, the batch copies it once and keeps it as its first step: from
 * then on it depends on nobody.
 */
export type Start =
  /** The state that the same batch of another job kept at a step. */
  | { readonly type: 'kept'; readonly sample: string; readonly step: number }
  /** One latent for every image. */
  | { readonly type: 'latent'; readonly latent: Latent }
  /** An image from outside, which lies in the bucket beside the job's outputs: see inputKey. */
  | { readonly type: 'image'; readonly sha256: string }
  /** Image n of N at n / (N - 1) of the way. */
  | { readonly type: 'between'; readonly from: NoiseEnd; readonly to: NoiseEnd };

/** Noise that a job left behind: the result of an inversion, or a kept x_T. */
export interface Latent {
  readonly sample: string;
  readonly image: number;
  /** Batch of the image. */
  readonly batch: number;
  readonly of: 'result' | 'x_T';
}

export type NoiseEnd =
  | { readonly type: 'seed'; readonly seed: number }
  | ({ readonly type: 'latent' } & Latent);

/** The job that is run again, and what it has to be equal to. */
export interface ReplayOf {
  readonly id: string;
  /** SHA-256 of the final tensor of each image. */
  readonly digests: readonly string[];
  /** What computed its steps, by name. */
  readonly backends: readonly string[];
}

/** Every k-th step, and which of its tensors: the sampler's state, the predicted x_start, or both. */
export interface KeepTrajectory {
  readonly every: number;
  readonly what: 'x_t' | 'x_start' | 'both';
}

/** A change of course while a job runs. What is null stays as it was. */
export interface Patch {
  /** 1, 2, 3, ... in the order the job got them. */
  readonly seq: number;
  readonly guidance: GuidanceSchedule | null;
  readonly classes: readonly ClassTarget[] | null;
}

/** What a job tells a batch beside its spec. Telling it again changes nothing. */
export interface BatchOrders {
  /** Raised each time a batch that ended is taken up again: only then does it begin anew. */
  readonly life: number;
  /** Every patch of the job so far. */
  readonly patches: readonly Patch[];
}

export interface WebhookTarget {
  readonly url: string;
  /** The job's own secret; null: the deployment's. */
  readonly secret: string | null;
  /** What it is told of; absent: the defaults. */
  readonly events?: readonly SampleEvent[];
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
  | 'deadline_exceeded'
  | 'backend_deadline'
  | 'backend_rejected'
  | 'output_deadline'
  | 'source_gone'
  | 'source_unavailable'
  | 'unknown_model'
  | 'model_changed'
  | 'poison_step'
  | 'internal_error';

/** What image n of a job is guided to, or null. @param seed of the job */
export function targetOf(classes: Classes | null, image: number, seed: number): ClassTarget | null {
  if (classes === null) return null;
  return 'type' in classes ? labelAt(classes, seed, image) : classes[image % classes.length]!;
}

/** The class that an image is of: of several, the one with the most weight. */
export function classOf(target: ClassTarget): number {
  if (typeof target === 'number') return target;
  const [heaviest] = Object.entries(target).toSorted(([, a], [, b]) => b - a);
  return Number(heaviest![0]);
}

/** Images of a round of the classes, which is a row of a sheet if it fits. */
export function roundOf({ classes }: Pick<SampleSpec, 'classes'>): number {
  if (classes === null || !('type' in classes)) return classes?.length ?? 1;
  return classes.type === 'counts' ? classes.counts.length : 1;
}

/** Batches of one job that walk at the same time. */
export const MAX_IN_FLIGHT = 16;

/** Images that an answer lists, and a contact sheet shows, at most. */
export const LISTED_IMAGES = 256;

/** A job of more images than are listed: it keeps its images by the batch and gives them by the page. */
export function isLarge({ count }: Pick<SampleSpec, 'count'>): boolean {
  return count > LISTED_IMAGES;
}

export function batchCount({ count, batchSize }: Pick<SampleSpec, 'count' | 'batchSize'>): number {
  return Math.ceil(count / batchSize);
}

/** Batches are of the job's batch size, in image order; the last one has what is left. */
export function batchAt(job: SampleSpec, index: number): BatchSpec {
  const first = index * job.batchSize;
  return { job, index, first, size: Math.min(job.batchSize, job.count - first) };
}

/** The batch that an image is in. */
export function batchOf({ batchSize }: Pick<SampleSpec, 'batchSize'>, image: number): number {
  return Math.floor(image / batchSize);
}

export function splitIntoBatches(job: SampleSpec): BatchSpec[] {
  return Array.from({ length: batchCount(job) }, (_, index) => batchAt(job, index));
}

/** Name of a batch's durable object: the same wherever it is computed. */
export function batchName(job: string, index: number): string {
  return `${job}/${index}`;
}

/** Steps that lie behind a job where its own walk begins. */
export function sharedStepsOf({ sharedSteps }: Pick<SampleSpec, 'sharedSteps'>): number {
  return sharedSteps ?? 0;
}
