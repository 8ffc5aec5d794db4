/** How much one alarm may do before it re-arms itself and a fresh invocation goes on. */

export interface Budget {
  /** Whether another step fits. */
  allows(step: { readonly stepsDone: number; readonly startedAt: number; readonly now: number }): boolean;
}

/** Wall time per alarm, ms. The handler may take 15 min; a short one gives deploys and evictions a clean seam. */
const WALL_MS = 60_000;
/**
 * Steps per alarm. Each costs up to two subrequests (inference, progress report) of the 10,000 an invocation has, and
 * CPU time of the five minutes in wrangler.toml's limits.
 */
const MAX_STEPS = 1_000;

/** @param stepsPerAlarm a lower limit on steps, if one is configured */
export function alarmBudget(stepsPerAlarm = MAX_STEPS): Budget {
  const steps = Math.min(stepsPerAlarm, MAX_STEPS);
  return {
    allows: ({ stepsDone, startedAt, now }) => stepsDone < steps && now - startedAt < WALL_MS,
  };
}
