/** The thread that reads damaged files: it may hang or swell, and its owner (campaign.ts) will see. */
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { applyDamage, damage } from './mutations.ts';
import { openTarget, type TargetName } from './targets.ts';

export interface WorkerInput {
  readonly target: TargetName;
  /** Of the first case; the next has the next. */
  readonly seed: number;
  readonly cases: number;
  /** Milliseconds after which no new case begins. */
  readonly timeMs: number;
  /** [cases begun]: readable while this thread is busy. */
  readonly progress: SharedArrayBuffer;
}

export interface WorkerOutput {
  readonly cases: number;
  readonly accepted: number;
  /** Different refusals, numbers and names left aside. */
  readonly refusals: readonly string[];
  readonly slowestMs: number;
  readonly findings: readonly { readonly seed: number; readonly problem: string }[];
}

/** Enough to see what they have in common. */
const MOST_FINDINGS = 10;

const generic = (message: string) =>
  message
    .replace(/^\/\S+: /, '')
    .replace(/"[^"]*"|tensor .*?:|\S*\/\S+|-?\d[\d.,]*/g, '#')
    .slice(0, 60);

async function work({ target: name, seed, cases, timeMs, progress }: WorkerInput): Promise<WorkerOutput> {
  const target = openTarget(name);
  const begun = new Int32Array(progress);
  const refusals = new Set<string>();
  const findings: { seed: number; problem: string }[] = [];
  const end = performance.now() + timeMs;
  let [done, accepted, slowestMs] = [0, 0, 0];
  for (; done < cases && performance.now() < end && findings.length < MOST_FINDINGS; done++) {
    const caseSeed = (seed + done) | 0;
    const file = fc.tuple(fc.constantFrom(...target.corpus), fc.constantFrom(...target.corpus), damage);
    const [[original, donor, mutations]] = fc.sample(file, { seed: caseSeed, numRuns: 1 }) as [
      [Uint8Array, Uint8Array, Parameters<typeof applyDamage>[2]],
    ];
    const bytes = applyDamage(original, donor, mutations);
    Atomics.store(begun, 0, done + 1);
    const start = performance.now();
    try {
      const message = await target.read(bytes);
      if (message === undefined) accepted++;
      else refusals.add(generic(message));
    } catch (error) {
      findings.push({ seed: caseSeed, problem: error instanceof Error ? `${error.stack}` : String(error) });
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  target.close?.();
  return { cases: done, accepted, refusals: [...refusals].sort(), slowestMs, findings };
}

parentPort?.postMessage(await work(workerData as WorkerInput));
