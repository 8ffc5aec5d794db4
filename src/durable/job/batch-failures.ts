/** What a batch that failed means for its job. */
import { type Failure, isLarge, type SampleSpec } from '../spec.ts';
import type { JobState } from './job-record.ts';

/** A batch of a large run that failed is taken up again by itself after so long, ms: once for each entry. */
const AGAIN_AFTER_MS = [1_000, 5_000];
/** A large run goes on without so many batches that failed for good; with more it ends at once. */
const MAX_FAILED = 8;
/** Every other batch would fail likewise. */
const HOPELESS: readonly Failure['code'][] = ['unknown_model', 'model_changed', 'source_gone'];

/**
 * @param failures how often the batch has failed before
 * @returns ms, or null if it is not taken up again by itself
 */
export function againAfter(spec: SampleSpec, failure: Failure | null, failures: number): number | null {
  if (!isLarge(spec) || (failure !== null && HOPELESS.includes(failure.code))) return null;
  return AGAIN_AFTER_MS[failures] ?? null;
}

/**
 * Why the job is to end, if its batches say so. A job that is not large ends with its first batch that fails; a large
 * one goes on with the others, and ends when nothing else is left to do, or too many have failed.
 */
export function failureOf(state: JobState): Failure | null {
  const failed = state.open.filter(({ phase }) => phase === 'failed');
  const first = failed[0]?.report?.failure ?? null;
  if (failed.length === 0) return null;
  if (!isLarge(state.spec)) return first;
  const others = state.fresh > 0 || state.open.some(({ phase }) => phase === 'open' || phase === 'aside');
  const hopeless = failed.some(
    ({ report }) => report?.failure != null && HOPELESS.includes(report.failure.code),
  );
  if (others && !hopeless && failed.length <= MAX_FAILED) return null;
  const { index } = failed[0]!;
  const which = `${failed.length} of ${state.fresh + state.open.length + state.succeeded} batches failed`;
  const message = `${which}; batch ${index}: ${first?.message ?? 'no reason was given'}`;
  return { code: first?.code ?? 'internal_error', message };
}
