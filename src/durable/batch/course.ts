/** Where a batch is steered at a step: what the job was made with, changed by the patches that hold by then. */
import type { GuidanceSchedule } from '../../core/index.ts';
import type { Classes, Patch, SampleSpec } from '../spec.ts';

export interface Course {
  readonly guidance: GuidanceSchedule;
  readonly classes: Classes | null;
}

/** A patch and the step of this batch, counted from 0, from which it holds. */
export interface SteeredFrom extends Patch {
  readonly step: number;
}

/** @param patches by `seq`: of two that set the same, the later one counts */
export function courseAt(job: SampleSpec, patches: readonly SteeredFrom[], step: number): Course {
  let course: Course = { guidance: job.guidance, classes: job.classes };
  for (const patch of patches) {
    if (patch.step > step) continue;
    course = {
      guidance: patch.guidance ?? course.guidance,
      classes: patch.classes ?? course.classes,
    };
  }
  return course;
}

/**
 * The first step that a patch can still reach without contradicting what was asked for before it: while the walk is
 * under way, the calls of the next step and of the one after it may already have left.
 *
 * @param committed steps committed so far
 */
export function reachableStep(committed: number, walking: boolean): number {
  return walking ? committed + 2 : committed;
}
