/** What happened between two readings of /metrics, model by model. */
import type { Buckets, Reading } from './reading.ts';

export interface Summary {
  readonly ready: boolean;
  readonly connections: number;
  readonly requestsInFlight: number;
  readonly bodyBytes: number;
  /** Of the server's own process; engines have theirs. */
  readonly rssBytes: number;
  readonly engineRestarts: number;
  readonly models: readonly ModelSummary[];
}

/** null where nothing happened that could be measured. */
export interface ModelSummary {
  readonly model: string;
  readonly requestsPerSecond: number;
  readonly itemsPerSecond: number;
  /** Images that wait now. */
  readonly queued: number;
  readonly meanBatch: number | null;
  readonly waitMs: Quantiles | null;
  readonly runMs: Quantiles | null;
  /** Of the images, from 0 to 1. */
  readonly guidedShare: number | null;
  readonly errorsPerSecond: number;
  /** Resident, of its engines; null where the server does not tell. */
  readonly engineBytes: number | null;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** @param seconds between the two readings */
export function summarize(before: Reading, now: Reading, seconds: number): Summary {
  return {
    ready: now.sum('cairn_ready') === 1,
    connections: now.sum('cairn_connections'),
    requestsInFlight: now.sum('cairn_requests_in_flight'),
    bodyBytes: now.sum('cairn_body_bytes'),
    rssBytes: now.sum('process_resident_memory_bytes'),
    engineRestarts: now.sum('cairn_engine_restarts_total'),
    models: [...foldersOf(now.labelValues('cairn_model_info', 'model'))].map(([folder, names]) =>
      summarizeModel(folder, names, before, now, seconds),
    ),
  };
}

function summarizeModel(
  model: string,
  names: readonly string[],
  before: Reading,
  now: Reading,
  seconds: number,
): ModelSummary {
  // Never below zero: a server that was started again counts from zero.
  const grown = (name: string, labels: Record<string, string>) =>
    Math.max(0, now.sum(name, labels) - before.sum(name, labels));
  const overNames = (name: string) => names.reduce((sum, own) => sum + grown(name, { model: own }), 0);
  const milliseconds = (name: string) =>
    quantiles(before.buckets(name, { model }), now.buckets(name, { model }), 1000);
  const items = grown('cairn_items_total', { model });
  const runs = grown('cairn_batch_size_count', { model });
  return {
    model,
    requestsPerSecond: overNames('cairn_requests_total') / seconds,
    itemsPerSecond: items / seconds,
    queued: now.sum('cairn_queue_items', { model }),
    meanBatch: runs === 0 ? null : grown('cairn_batch_size_sum', { model }) / runs,
    waitMs: milliseconds('cairn_wait_seconds'),
    runMs: milliseconds('cairn_run_seconds'),
    guidedShare: items === 0 ? null : grown('cairn_items_total', { model, guided: 'true' }) / items,
    errorsPerSecond: overNames('cairn_errors_total') / seconds,
    engineBytes: now.sum('cairn_engine_memory_bytes', { model }) || null,
  };
}

/** Names on the wire by the folder they come from: `m`, `m-classifier` and `m-guided` are one model. */
export function foldersOf(names: readonly string[]): Map<string, string[]> {
  const folderOf = (name: string) => {
    const base = name.replace(/-(classifier|guided)$/, '');
    return names.includes(base) ? base : name;
  };
  return Map.groupBy(names.toSorted(), folderOf);
}

/** Both quantiles of what was added to a histogram; null if that is nothing. */
function quantiles(before: Buckets, now: Buckets, scale: number): Quantiles | null {
  const counts = [...now].map(
    ([bound, count]) => [bound, Math.max(0, count - (before.get(bound) ?? 0))] as const,
  );
  counts.sort(([a], [b]) => a - b);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const at = (share: number) => scale * quantile(counts, share * total);
  return { p50: at(0.5), p95: at(0.95) };
}

/** Evenly spread within a bucket, as Prometheus' histogram_quantile has it; past the last bound, that bound. */
function quantile(counts: readonly (readonly [bound: number, count: number])[], rank: number): number {
  let lower = 0;
  let below = 0;
  for (const [bound, count] of counts) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    lower = bound;
    below = count;
  }
  return lower;
}
