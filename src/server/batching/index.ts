/** Continuous batching: requests of many clients, each at its own timestep, in one run of the graphs. */
export { Batcher } from './batcher.ts';
export { BusyError, DeadlineError } from './errors.ts';
export type { BatchObserver, BatchRun, FailureReason } from './observer.ts';
export {
  type BatcherOptions,
  DEFAULT_BATCHING,
  type Graph,
  type GraphPart,
  type ModelFamily,
  type ServedFamily,
} from './options.ts';
export type { Timers } from './timers.ts';
