/** What it means for the step that no backend took it. */
import { BackendError, type BackendErrorKind } from '../backend.ts';

/** Why one backend did not. */
export interface Refusal {
  readonly backend: string;
  readonly error: BackendError;
  /** When it asked not to be asked before, ms; null if it did not. */
  readonly heldUntil: number | null;
}

/**
 * One error for all of them. A step is refused for good only when every backend has refused it: as long as one is
 * merely unavailable, or has another model for now, the step may still be taken.
 *
 * @param refusals of every backend that has the model, at least one
 */
export function verdict(refusals: readonly Refusal[], now: number): BackendError {
  const [first] = refusals;
  if (refusals.length === 1 && first !== undefined) return named(first, now);
  const hopeful = refusals.filter(({ error }) => error.retryable);
  const kind = strongest(refusals);
  const message = refusals.map(({ backend, error }) => `${backend}: ${error.message}`).join('; ');
  return new BackendError(kind, `no backend took the step: ${message}`, {
    cause: first?.error,
    ...retryAfter(hopeful, now),
  });
}

function named(refusal: Refusal, now: number): BackendError {
  const { backend, error, heldUntil } = refusal;
  const own = error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter };
  return new BackendError(error.kind, `${backend}: ${error.message}`, {
    cause: error,
    ...(heldUntil === null ? own : retryAfter([refusal], now)),
  });
}

/** What a retry can help comes first; of the rest, what names the job's end best. */
const BY_STRENGTH: readonly BackendErrorKind[] = [
  'unavailable',
  'timeout',
  'invalid_response',
  'wrong_model',
  'rejected',
  'unauthorized',
  'unknown_model',
];

function strongest(refusals: readonly Refusal[]): BackendErrorKind {
  const kinds = new Set(refusals.map(({ error }) => error.kind));
  return BY_STRENGTH.find((kind) => kinds.has(kind)) ?? 'unavailable';
}

/** Until the first of those that asked for patience, unless another can be asked before. */
function retryAfter(hopeful: readonly Refusal[], now: number): { retryAfter?: number } {
  const times = hopeful.map(({ heldUntil }) => heldUntil);
  const held = times.filter((time) => time !== null);
  if (held.length === 0 || held.length < times.length) return {};
  return { retryAfter: Math.max(0, Math.min(...held) - now) / 1000 };
}
