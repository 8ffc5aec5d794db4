/** Feeds a reader damaged files in a thread of its own, and sees to it that the thread neither hangs nor swells. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { TargetName } from './targets.ts';
import type { WorkerInput, WorkerOutput } from './worker.ts';

export interface CampaignOptions {
  readonly target: TargetName;
  /** Case k is a function of seed + k. */
  readonly seed: number;
  readonly cases?: number;
  readonly timeMs?: number;
  /** What one case may take. */
  readonly caseMs?: number;
  /** What the process may grow by, in MiB. */
  readonly growthMiB?: number;
}

export interface CampaignReport extends WorkerOutput {
  readonly peakGrowthMiB: number;
}

const WATCH_INTERVAL_MS = 20;
const MIB = 2 ** 20;

/** @throws {Error} with the seed of the case, if one hangs, takes too much memory, or ends the thread */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { target, seed, caseMs = 10_000, growthMiB = 768 } = options;
  const progress = new SharedArrayBuffer(4);
  const { cases = Number.MAX_SAFE_INTEGER, timeMs = 2 ** 31 } = options;
  const workerData: WorkerInput = { target, seed, cases, timeMs, progress };
  const before = process.memoryUsage.rss();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const begun = new Int32Array(progress);
  const where = () => `case with seed ${(seed + Atomics.load(begun, 0) - 1) | 0} of target ${target}`;
  let peakGrowthMiB = 0;
  let [last, since] = [0, performance.now()];
  const watch = Promise.withResolvers<never>();
  const timer = setInterval(() => {
    const current = Atomics.load(begun, 0);
    if (current !== last) [last, since] = [current, performance.now()];
    peakGrowthMiB = Math.max(peakGrowthMiB, (process.memoryUsage.rss() - before) / MIB);
    if (current > 0 && performance.now() - since > caseMs) {
      watch.reject(new Error(`${where()} takes more than ${caseMs} ms`));
    }
    if (peakGrowthMiB > growthMiB) {
      watch.reject(new Error(`${where()} takes more than ${growthMiB} MiB of memory`));
    }
  }, WATCH_INTERVAL_MS);
  try {
    const [output] = (await Promise.race([once(worker, 'message'), watch.promise])) as [WorkerOutput];
    return { ...output, peakGrowthMiB };
  } finally {
    clearInterval(timer);
    await worker.terminate();
  }
}
