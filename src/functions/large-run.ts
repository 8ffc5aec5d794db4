/** What a run of more images than an answer lists does without, and why. */
import { isLarge, LISTED_IMAGES, type SampleSpec } from '../durable/spec.ts';
import { fieldProblem, Problem, type ProblemType } from './problem.ts';
import type { SampleRequest } from './schemas/sample-request.ts';

const WHY = {
  keep_trajectory: 'its batches keep their images, not their steps',
  keep_state: 'its batches keep their images, not their tensors',
  preview_every: 'its images are shown as they are written, and not before',
  start_from: 'every batch would copy where it begins before the request is answered',
} as const;

/** @throws {Problem} naming the field */
export function requirePossible(request: SampleRequest, count: number): void {
  if (!isLarge({ count })) return;
  for (const [field, why] of Object.entries(WHY)) {
    if (!request[field as keyof typeof WHY]) continue;
    const detail = `not with more than ${LISTED_IMAGES} images: of a large run ${why}`;
    throw fieldProblem('invalid-request', `/${field}`, detail);
  }
}

/**
 * @param why what a large run does or does not
 * @throws {Problem} of this type, if it is one
 */
export function refuseLarge(spec: Pick<SampleSpec, 'count'>, type: ProblemType, why: string): void {
  if (isLarge(spec)) throw new Problem(type, `a run of more than ${LISTED_IMAGES} images ${why}`);
}
