/** When a failed step is tried again, and when it is given up. */
import { jitterBackoff } from 'durable-utils/retries';
import { BackendError } from '../../inference/backend.ts';
import type { Failure } from '../spec.ts';

/**
 * Alarms that ended without a commit and without an error we caught: the process died in them. An innocent step
 * survives many kills in a row; one that kills its process every time must end.
 */
export const MAX_STRIKES = 25;

const BASE_DELAY_MS = 200;
const MAX_DELAY_MS = 30_000;
/** Never wait longer because a backend says so than we would by ourselves. */
const MAX_RETRY_AFTER_MS = 60_000;
const DEFAULT_DEADLINE_S = 600;

export function stepDeadlineMs(seconds: string | undefined): number {
  const value = Number(seconds ?? DEFAULT_DEADLINE_S);
  return (Number.isFinite(value) && value > 0 ? value : DEFAULT_DEADLINE_S) * 1000;
}

export type Verdict =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'fail'; readonly failure: Failure };

/** Writing the images failed; R2 is another service with faults of its own, so it is tried until the deadline. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** Where the walk begins lies with another object, or in the bucket, and could not be had. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** It will not come (back): the source was deleted, or never kept it. */
  readonly gone: boolean;

  constructor(message: string, options: ErrorOptions & { gone: boolean }) {
    super(message, options);
    this.gone = options.gone;
  }
}

/**
 * @param attempts failed tries of this step before this one
 * @param failingForMs since the first of them
 */
export function judge(error: unknown, attempts: number, failingForMs: number, deadlineMs: number): Verdict {
  if (error instanceof SourceError && error.gone) return fail('source_gone', error.message);
  if (!(error instanceof BackendError || error instanceof OutputError || error instanceof SourceError)) {
    // Our own arithmetic or configuration: the same input gives the same error, so a few tries are enough.
    if (attempts >= 2) return fail('internal_error', `the step failed three times: ${messageOf(error)}`);
    return { kind: 'retry', delayMs: jitterBackoff(attempts, BASE_DELAY_MS, MAX_DELAY_MS) };
  }
  const backend = error instanceof BackendError ? error : null;
  if (backend?.kind === 'unknown_model') return fail('unknown_model', error.message);
  if (backend !== null && !backend.retryable) return fail('backend_rejected', error.message);
  if (failingForMs >= deadlineMs) {
    const seconds = Math.round(failingForMs / 1000);
    const code = error instanceof SourceError ? 'source_unavailable' : deadlineCode(backend);
    return fail(code, `nothing succeeded for ${seconds} s; last error: ${error.message}`);
  }
  const asked = Math.min((backend?.retryAfter ?? 0) * 1000, MAX_RETRY_AFTER_MS);
  return { kind: 'retry', delayMs: Math.max(asked, jitterBackoff(attempts, BASE_DELAY_MS, MAX_DELAY_MS)) };
}

function deadlineCode(backend: BackendError | null): Failure['code'] {
  if (backend === null) return 'output_deadline';
  return backend.kind === 'wrong_model' ? 'model_changed' : 'backend_deadline';
}

function fail(code: Failure['code'], message: string): Verdict {
  return { kind: 'fail', failure: { code, message } };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
