import type { RunCost } from './run-cost.ts';

/**
 * Most rows of a run, so that a small job beside a large one is done within three times its time alone: its step waits
 * for the run under way and then for its own. So no run takes longer than one and a half times what the smallest job
 * needs, or, among several jobs, than one with as much of each of the others as the smallest wants. A job alone, or
 * jobs that want about the same, are not limited: all of them are done sooner the larger their runs are.
 *
 * @param demands rows that each job wants at a time
 */
export function fairRows(demands: readonly number[], cost: RunCost): number {
  const smallest = Math.min(...demands);
  if (demands.length < 2 || Math.max(...demands) <= ABOUT_THE_SAME * smallest) return Infinity;
  const others = smallest * (demands.length - 1);
  const rows = cost.rowsWithin(STRETCH * cost.expectedMs(smallest));
  return Math.max(rows, others);
}

/** Two runs of this length are the three times. */
const STRETCH = 1.5;

/** How much more one job may want than another without being the larger one. */
const ABOUT_THE_SAME = 2;
