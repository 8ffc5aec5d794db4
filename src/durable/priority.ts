/** What a job's priority means in the queues it waits in. */
import type { EvaluateOptions } from '../inference/backend.ts';
import type { Priority } from './spec.ts';

/** Place in the account's queue: smaller first. */
export const RANKS: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 };

/** In Triton's numbers: 1 to 199 with 100 in the middle, which is what a request without one has. */
const BACKEND_PRIORITIES: Readonly<Record<Priority, number | undefined>> = {
  high: 50,
  normal: undefined,
  low: 199,
};

/** @param priority absent in batches that began before jobs had one */
export function turnOf(priority: Priority = 'normal'): Pick<EvaluateOptions, 'priority'> {
  const value = BACKEND_PRIORITIES[priority];
  return value === undefined ? {} : { priority: value };
}
