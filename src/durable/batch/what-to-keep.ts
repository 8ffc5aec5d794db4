/** Of a step that is about to be committed: what stays beyond the next one. */
import type { SamplerState } from '../../core/index.ts';
import { type BatchSpec, sharedStepsOf } from '../spec.ts';
import { keepsStep } from '../trajectory-plan.ts';
import type { Trajectory } from './trajectory.ts';
import type { StepToKeep } from './trajectory-store.ts';

/** @param predXStart null before the first step */
export function whatToKeep(
  { job }: BatchSpec,
  trajectory: Trajectory,
  state: SamplerState,
  predXStart: Float32Array | null,
): StepToKeep | null {
  const plan = job.keepTrajectory ?? null;
  const first = sharedStepsOf(job);
  const copied = job.start != null && state.step === first;
  const planned = plan !== null && keepsStep(plan, state.step, { first, last: job.numSteps });
  const keepsState = copied || (planned && plan.what !== 'x_start');
  const xStart = planned && plan.what !== 'x_t' ? predXStart : null;
  if (!keepsState && xStart === null) return null;
  const { step } = state;
  return { step, timestep: trajectory.timestepAt(state), state: keepsState ? state : null, xStart };
}
