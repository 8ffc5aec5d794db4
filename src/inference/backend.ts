/**
 * The one interface between the timestep loop and whatever runs the networks.
 *
 * An evaluation is stateless and repeatable: the same batch gives the same answer, so a step may be asked for
 * again after a crash, a timeout or a lost server.
 */

/** One batch of images at their timesteps. All images of a batch have the shape [channels, height, width]. */
export interface EvaluationRequest {
  /** Model id, e.g. `mnist-32`. */
  readonly model: string;
  /** `[N, C, H, W]`. */
  readonly shape: readonly [batch: number, channels: number, height: number, width: number];
  /** x_t, row-major, N*C*H*W values. */
  readonly x: Float32Array;
  /** `[N]`: the timestep as the networks receive it (mapped and rescaled; fractions are allowed). */
  readonly timestep: Float32Array;
  /** `[N]`: class index per image; only for a class-conditional diffusion model. */
  readonly label?: Int32Array;
  /**
   * `[N, K]`: weights over the classifier's classes (one-hot for one class). Present exactly when this step is
   * guided; without it the classifier does not run.
   */
  readonly target?: Float32Array;
  /**
   * The answer's bits must not depend on what else the backend computes at the time: a batch that it forms holds this
   * request alone. Default false: the backend may join the steps of several jobs, and a sum may round in another way.
   */
  readonly exact?: boolean;
  /**
   * Precision of x on its way there and of the outputs on their way back; default `fp32`. With `fp16` the networks see
   * x rounded to half precision and the answer is rounded once more, to the same bits whichever backend is asked.
   */
  readonly precision?: Precision;
}

/** How exact the tensors are that go to a backend and come from it. Whatever it is, both ends compute in float32. */
export type Precision = 'fp32' | 'fp16';

/** What the networks say about one batch. Validated: right sizes, every value finite. */
export interface Evaluation {
  /** The diffusion model's output `[N, outputChannels, H, W]` (twice the channels if the variance is learned). */
  readonly modelOutput: Float32Array;
  /** d/dx of sum_k target_k log p(k | x_t, t), `[N, C, H, W]`, unscaled; `null` for an unguided step. */
  readonly gradient: Float32Array | null;
  /** Which of several backends answered, by its name in the configuration. */
  readonly backend?: string;
  /** How many backends were asked until one answered; default 1. */
  readonly tries?: number;
  /** Bytes of the body that was sent and of the answer's; absent for a backend inside the process. */
  readonly wire?: { readonly sent: number; readonly received: number };
}

export interface EvaluateOptions {
  /** Aborts the call: a cancelled job, or the deadline of this attempt. */
  readonly signal?: AbortSignal;
  /** Whose step it is, e.g. a job's id: a backend with a queue shares out its turns between owners. */
  readonly owner?: string;
  /** Place in the backend's queue, smaller first, as in Triton's `priority` parameter; absent: the backend's default. */
  readonly priority?: number;
}

export interface InferenceBackend {
  /** Name for logs and for the job's record, e.g. `embedded` or `remote`. */
  readonly name: string;
  /**
   * Whether a call leaves the process. Writes made right after an outgoing call delay it on the platform, so the
   * loop lets the body leave first (see src/durable).
   */
  readonly remote: boolean;
  /**
   * @throws {BackendError} always of this type; `retryable` says whether the same step may be tried again.
   */
  evaluate(request: EvaluationRequest, options?: EvaluateOptions): Promise<Evaluation>;
}

/**
 * - `unavailable`: no answer: connection refused, 5xx, 429
 * - `timeout`: no answer in time
 * - `invalid_response`: an answer that fails validation (names, datatypes, shapes, byte counts, NaN, Inf)
 * - `rejected`: the backend understood and refuses (4xx); the same request will be refused again
 * - `unknown_model`: the backend does not have this model
 * - `unauthorized`: the backend does not accept the token (401, 403)
 * - `wrong_model`: the backend has another model under this name: its digest differs. Retryable, because models are
 *   replaced one server after the other and the right one may come back
 * - `aborted`: the caller's signal fired
 */
export type BackendErrorKind =
  | 'unavailable'
  | 'timeout'
  | 'invalid_response'
  | 'rejected'
  | 'unknown_model'
  | 'unauthorized'
  | 'wrong_model'
  | 'aborted';

const RETRYABLE: Readonly<Record<BackendErrorKind, boolean>> = {
  unavailable: true,
  timeout: true,
  invalid_response: true,
  rejected: false,
  unknown_model: false,
  unauthorized: false,
  wrong_model: true,
  aborted: false,
};

interface BackendErrorOptions extends ErrorOptions {
  readonly retryAfter?: number;
  /** Default: the message. */
  readonly detail?: string;
}

export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly kind: BackendErrorKind;
  /** Seconds the backend asked to wait before the next try (Retry-After), if it did. */
  readonly retryAfter: number | undefined;
  /** For operators' eyes: addresses, pages of proxies. The message goes to clients of the API. */
  readonly detail: string;

  constructor(kind: BackendErrorKind, message: string, options: BackendErrorOptions = {}) {
    super(message, options);
    this.detail = options.detail ?? message;
    this.kind = kind;
    this.retryAfter = options.retryAfter;
  }

  get retryable(): boolean {
    return RETRYABLE[this.kind];
  }
}
