/** Whether memory grows: what is resident over time and its slope, and what lives in a heap from one rest to the next. */

/**
 * V8 options for workerd, of which resident memory says little otherwise. An isolate that has filled little of its heap
 * collects next to nothing, and what its dead objects hold outside the heap stays too: a Worker that answers `{}` and
 * does nothing else grows by 13 KiB a request. With a heap that starts small the same Worker grows by 3.6 KiB
 * a request and slower and slower, and by next to nothing if its heap may not have more than 8 MiB. Ours may have the
 * 128 MiB that the platform gives an isolate.
 */
export const COLLECT_EARLY = {
  MINIFLARE_WORKERD_V8_FLAGS: '--max-heap-size=128 --initial-heap-size=1 --max-semi-space-size=1',
};

export interface Sample {
  readonly minute: number;
  readonly MiB: number;
}

export interface Course {
  readonly process: string;
  /** Medians of the second and of the last quarter of the time: in the first, caches fill. */
  readonly earlyMiB: number;
  readonly lateMiB: number;
  /** Median of the slopes between all samples after the first quarter (Theil-Sen). */
  readonly slopeMiBPerMinute: number;
}

export function courseOf(process: string, samples: readonly Sample[]): Course {
  const end = samples.at(-1)?.minute ?? 0;
  const later = samples.filter(({ minute }) => minute >= end / 4);
  const slopes = later.flatMap((a, i) =>
    later.slice(i + 1).map((b) => (b.MiB - a.MiB) / (b.minute - a.minute || Number.MIN_VALUE)),
  );
  return {
    process,
    earlyMiB: median(later.filter(({ minute }) => minute < end / 2).map(({ MiB }) => MiB)),
    lateMiB: median(later.filter(({ minute }) => minute >= (3 * end) / 4).map(({ MiB }) => MiB)),
    slopeMiBPerMinute: median(slopes),
  };
}

/**
 * Grown by more than a quarter and by more than a garbage collector's mood.
 *
 * workerd's grows with each job, slower and slower, and then no more: at rest it had 361, 397, 410, 407 and 407 MiB after
 * 300, 600, 900, 1,200 and 1,500 jobs. Little of it is in heaps: the Worker's had 17 MiB all along ({@link hasLeaked}), all
 * those of the simulators of D1, R2, queues and assets together 41 to 45. The rest is workerd's own: its allocator gives
 * nothing back to the system. A bare Worker, whose objects write three rows each, comes from 50 MiB outside of its heaps to
 * 205 with 1,700 objects, and has 206 with 5,000; if fewer are alive at a time (10 s from their last call on) it has less.
 */
export function hasGrown({ earlyMiB, lateMiB }: Course): boolean {
  return lateMiB - earlyMiB > Math.max(64, earlyMiB / 4);
}

/** What lived in a heap when nothing was under way, earlier and later. */
export interface Growth {
  readonly heap: string;
  readonly earlyMiB: number;
  readonly lateMiB: number;
  /** Ended in between. */
  readonly jobs: number;
}

export function growthPerHundredJobs({ earlyMiB, lateMiB, jobs }: Growth): number {
  return (100 * (lateMiB - earlyMiB)) / jobs;
}

/** Whatever the number of jobs: nothing of a job that has ended lives on. */
export function hasLeaked({ earlyMiB, lateMiB }: Growth): boolean {
  return lateMiB - earlyMiB > COMPILED_MIB;
}

/**
 * Code is compiled when it has run often enough, and more buffers are kept if more were in use at a time. In twenty
 * seconds it is 0.2 to 0.6 MiB. A server that keeps its requests has 6 MiB after as long, a Worker that keeps its
 * answers 5.
 */
const COMPILED_MIB = 3;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
