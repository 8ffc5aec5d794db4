/** The kept steps of a job, gathered from its batches. */
import type { KeptStep } from '../durable/batch/trajectory-store.ts';
import { batchObject } from '../durable/batch-object.ts';
import { isLarge, type SampleSpec, splitIntoBatches } from '../durable/spec.ts';
import type { Env } from '../env.ts';

export interface KeptStepOfJob {
  readonly step: number;
  readonly timestep: number | null;
  /** Per batch what it keeps of the step; null where it has not come so far. */
  readonly batches: readonly (KeptStep | null)[];
}

/** In the order in which they are reached. */
export async function keptStepsOf(env: Env, spec: SampleSpec): Promise<KeptStepOfJob[]> {
  if (isLarge(spec)) return []; // it keeps none
  const kept = await Promise.all(
    splitIntoBatches(spec).map(({ index }) => batchObject(env, spec.id, index).keptSteps()),
  );
  const steps = new Map(kept.flat().map(({ step, timestep }) => [step, timestep]));
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([step, timestep]) => ({
      step,
      timestep,
      batches: kept.map((of) => of.find((candidate) => candidate.step === step) ?? null),
    }));
}

/** Steps from which every batch can go on. */
export function forkableSteps(steps: readonly KeptStepOfJob[]): number[] {
  return steps
    .filter(({ timestep, batches }) => timestep !== null && batches.every((kept) => kept?.xT === true))
    .map(({ step }) => step);
}
