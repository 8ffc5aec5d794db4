/** A finished job once more, from its spec and the course it was given, to prove that it ends in the same tensors. */
import type { JobRecord } from '../durable/job/job-record.ts';
import { type SampleSpec, sharedStepsOf } from '../durable/spec.ts';
import { newId } from '../ids.ts';
import { refuseLarge } from './large-run.ts';
import { Problem } from './problem.ts';
import { backendNamesOf, digestsOf } from './receipt.ts';
import type { RequestOrigin } from './resolve.ts';
import { recordedCourse, sameModel } from './taken-on.ts';

/**
 * A job that did not begin with noise of its seeds kept what it began with, so its replay needs no third one.
 *
 * @throws {Problem} not-replayable, model-changed, unknown-model
 */
export function resolveReplay(original: JobRecord, { origin }: RequestOrigin): SampleSpec {
  const { spec } = original;
  refuseLarge(
    spec,
    'not-replayable',
    'is not compared image by image: send its request again with its seed, and compare receipt.images_sha256',
  );
  const digests = digestsOf(original);
  if (digests === null) {
    const state = original.status === 'active' ? 'is not over' : `has ${original.status}`;
    throw new Problem(
      'not-replayable',
      `only a sample that has succeeded can be replayed, this one ${state}`,
    );
  }
  sameModel(spec);
  return {
    ...spec,
    id: newId('smp'),
    origin,
    webhook: null,
    deadlineAt: null,
    keepTrajectory: null,
    start: spec.start == null ? null : { type: 'kept', sample: spec.id, step: sharedStepsOf(spec) },
    course: recordedCourse(original),
    replayOf: { id: spec.id, digests, backends: backendNamesOf(original) },
  };
}
