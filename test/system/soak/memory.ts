/** Whether memory grows: resident memory over time, and its slope. */

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

/** Grown by more than a quarter and by more than a garbage collector's mood. */
export function hasGrown({ earlyMiB, lateMiB }: Course): boolean {
  return lateMiB - earlyMiB > Math.max(64, earlyMiB / 4);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
