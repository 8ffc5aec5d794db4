/** What a {@link Batcher} tells of itself, for metrics and logs. */
export interface BatchObserver {
  /** Images of a model that wait now; those that run are not counted. */
  queueChanged(model: string, items: number): void;
  batchRan(run: BatchRun): void;
  /** A request got no answer of its own. */
  requestFailed(model: string, reason: FailureReason): void;
}

/** One batch, after its graphs have run. */
export interface BatchRun {
  /** Id of the model folder. */
  readonly model: string;
  /** Requests that have images in it. */
  readonly requests: number;
  /** Images whose gradient was computed. */
  readonly guided: number;
  /** Images that ran through the diffusion model alone. */
  readonly unguided: number;
  /** Run alone, as the request asked. */
  readonly exact: boolean;
  /** For each request, milliseconds since it came or, if it is split, since its last part began to run. */
  readonly waitMs: readonly number[];
  /** Milliseconds in the graphs, joining and splitting of tensors included. */
  readonly runMs: number;
  readonly failed: boolean;
}

/** `busy`: refused at the door; `deadline`: too late; `aborted`: nobody waits for it any more; `error`: its run threw. */
export type FailureReason = 'busy' | 'deadline' | 'aborted' | 'error';
