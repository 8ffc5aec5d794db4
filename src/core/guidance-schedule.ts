/** The guidance scale as a function of the timestep. */

/**
 * - a number: the same scale at every step (Dhariwal & Nichol 2021)
 * - `interval`: `scale` while the timestep is within [to, from], 0 outside (Kynkäänniemi et al. 2024)
 * - `linear`: from the scale `from` at the noisiest timestep, T - 1, to the scale `to` at timestep 0
 * - `list`: one scale per step, in the order in which the steps are taken
 *
 * Timesteps are those of the trained process, 0 (image) to T - 1 (noise), so that a schedule means the same whatever
 * the number of steps.
 */
export type GuidanceSchedule =
  | number
  | { readonly type: 'interval'; readonly scale: number; readonly from: number; readonly to: number }
  | { readonly type: 'linear'; readonly from: number; readonly to: number }
  | { readonly type: 'list'; readonly scales: readonly number[] };

/** Where a step is. */
export interface GuidedStep {
  /** Steps taken before it. */
  readonly step: number;
  /** Timestep of the trained process, 0 .. T - 1. */
  readonly timestep: number;
  /** T. */
  readonly timesteps: number;
}

/**
 * The factor of the classifier's gradient at one step.
 *
 * @throws {RangeError} if a list has no entry for the step
 */
export function guidanceScaleAt(schedule: GuidanceSchedule, at: GuidedStep): number {
  if (typeof schedule === 'number') return schedule;
  switch (schedule.type) {
    case 'interval':
      return at.timestep <= schedule.from && at.timestep >= schedule.to ? schedule.scale : 0;
    case 'linear':
      return schedule.to + ((schedule.from - schedule.to) * at.timestep) / (at.timesteps - 1);
    case 'list': {
      const scale = schedule.scales[at.step];
      if (scale !== undefined) return scale;
      throw new RangeError(
        `the guidance list has ${schedule.scales.length} scales, and none for step ${at.step + 1}`,
      );
    }
  }
}

/** Whether any step could be guided. */
export function guidesAnywhere(schedule: GuidanceSchedule): boolean {
  if (typeof schedule === 'number') return schedule !== 0;
  switch (schedule.type) {
    case 'interval':
      return schedule.scale !== 0;
    case 'linear':
      return schedule.from !== 0 || schedule.to !== 0;
    case 'list':
      return schedule.scales.some((scale) => scale !== 0);
  }
}
