/** Every metric that two sets of images allow, with intervals and warnings. */
import { type Interval, intervalOf, resampledRows } from './bootstrap.ts';
import type { SquaredDistances } from './distances.ts';
import { type Features, features } from './features.ts';
import { frechetDistance } from './frechet.ts';
import { inceptionScore } from './inception-score.ts';
import { groupsOf, jackknifeInterval } from './jackknife.ts';
import { countOverlap, type Manifold, manifoldOf, NEIGHBOURS, shareInGroups } from './manifold.ts';
import type { SampleSet } from './sample-set.ts';
import { type GaussianStatistics, gaussianStatistics } from './statistics.ts';
import { warningsOf } from './warnings.ts';

export type MetricName =
  | 'fid'
  | 'sfid'
  | 'inception_score'
  | 'precision'
  | 'recall'
  | 'density'
  | 'coverage'
  | 'class_accuracy';

export interface Metric {
  readonly name: MetricName;
  readonly value: number;
  /** Of the metric over draws of the samples, the reference as it is; null if none were made. */
  readonly interval: Interval | null;
}

export interface Evaluation {
  readonly metrics: readonly Metric[];
  /** What makes a number less than it seems. */
  readonly warnings: readonly string[];
}

export interface EvaluateOptions {
  /** k of the manifolds. Default 3. */
  readonly neighbours?: number;
  /** Bootstrap draws; 0 for no intervals. Default: as {@link defaultDraws} says. */
  readonly draws?: number;
  readonly squaredDistances?: SquaredDistances;
  /** Filled with the reference's manifold, which then is made once for several sets; of one `neighbours`. */
  readonly manifolds?: Map<Features, Manifold>;
  /** Called with what is being done and the share of it that is. */
  readonly onProgress?: (task: string, share: number) => void;
}

/** Features beyond this many take too long for a hundred covariances and their eigenvalues. */
const MOST_DIMENSIONS_FOR_DRAWS = 256;
const DRAWS = 100;

export function defaultDraws(dimensions: number): number {
  return dimensions <= MOST_DIMENSIONS_FOR_DRAWS ? DRAWS : 0;
}

/** @throws {RangeError} if the two sets have other features */
export async function evaluate(
  reference: SampleSet,
  samples: SampleSet,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const draws = options.draws ?? defaultDraws(samples.statistics.dimensions);
  const metrics = [distance('fid', reference.statistics, samples, draws, options.onProgress)];
  if (reference.spatial && samples.spatial) {
    metrics.push(distance('sfid', reference.spatial.statistics, samples.spatial, draws, options.onProgress));
  }
  metrics.push(...scores(samples, draws));
  if (reference.features && samples.features) {
    metrics.push(...(await overlap(reference.features, samples.features, draws, options)));
  }
  metrics.push(...accuracy(samples, draws));
  return {
    metrics,
    warnings: [...warningsOf('the reference', reference), ...warningsOf('the samples', samples)],
  };
}

function distance(
  name: 'fid' | 'sfid',
  reference: GaussianStatistics,
  { statistics, features: own }: { statistics: GaussianStatistics; features: Features | null },
  draws: number,
  onProgress: EvaluateOptions['onProgress'],
): Metric {
  const value = frechetDistance(reference, statistics);
  if (own === null || draws === 0) return { name, value, interval: null };
  const values = Array.from({ length: draws }, (_, draw) => {
    onProgress?.('intervals of the Frechet distance', draw / draws);
    return frechetDistance(reference, gaussianStatistics(pick(own, resampledRows(own.rows, draw))));
  });
  return { name, value, interval: within(0, Infinity, intervalOf(value, values)) };
}

function scores({ probabilities }: SampleSet, draws: number): Metric[] {
  if (probabilities === null) return [];
  const { values, classes } = probabilities;
  const { score } = inceptionScore(values, classes);
  const rows = features(values, classes);
  const interval = drawn(score, draws, (draw) => {
    const { values: again } = pick(rows, resampledRows(rows.rows, draw));
    return inceptionScore(again, classes).score;
  });
  return [{ name: 'inception_score', value: score, interval }];
}

async function overlap(
  reference: Features,
  samples: Features,
  draws: number,
  { neighbours: k = NEIGHBOURS, squaredDistances, manifolds, onProgress }: EvaluateOptions,
): Promise<Metric[]> {
  const step = (task: string) => ({
    ...(squaredDistances && { squaredDistances }),
    onProgress: (share: number) => onProgress?.(task, share),
  });
  const manifold =
    manifolds?.get(reference) ?? (await manifoldOf(reference, k, step('manifold of the reference')));
  manifolds?.set(reference, manifold);
  const sampled = await manifoldOf(samples, k, step('manifold of the samples'));
  const groups = Math.min(draws, samples.rows);
  const counts = await countOverlap(manifold, sampled, {
    ...step('overlap'),
    ...(groups > 1 && { groups: groupsOf(samples.rows, groups) }),
  });
  const mean = (name: MetricName, values: Uint8Array | Int32Array, divisor: number, most: number): Metric => {
    const value = meanOf(values) / divisor;
    const again = (draw: number) => meanOf(values, resampledRows(values.length, draw)) / divisor;
    return { name, value, interval: within(0, most, drawn(value, draws, again)) };
  };
  const reached = (name: MetricName, by: Int32Array): Metric => {
    const value = shareInGroups(by);
    if (groups < 2) return { name, value, interval: null };
    const without = Array.from({ length: groups }, (_, group) => shareInGroups(by, group));
    return { name, value, interval: within(0, 1, jackknifeInterval(value, without)) };
  };
  return [
    mean('precision', counts.inReference, 1, 1),
    reached('recall', counts.inSamples),
    mean('density', counts.balls, k, Infinity),
    reached('coverage', counts.covered),
  ];
}

/** How often the most probable class is the one that was asked for. */
function accuracy({ probabilities, labels }: SampleSet, draws: number): Metric[] {
  if (probabilities === null || labels === null) return [];
  const { values, classes } = probabilities;
  const hits = Uint8Array.from(labels, (label, image) => {
    const row = values.subarray(image * classes, (image + 1) * classes);
    return row.indexOf(Math.max(...row)) === label ? 1 : 0;
  });
  const value = meanOf(hits);
  const interval = drawn(value, draws, (draw) => meanOf(hits, resampledRows(hits.length, draw)));
  return [{ name: 'class_accuracy', value, interval: within(0, 1, interval) }];
}

/** Where the metric can be at all. */
function within(least: number, most: number, interval: Interval | null): Interval | null {
  return interval && { low: Math.max(interval.low, least), high: Math.min(interval.high, most) };
}

function drawn(value: number, draws: number, metric: (draw: number) => number): Interval | null {
  if (draws === 0) return null;
  const values = Array.from({ length: draws }, (_, draw) => metric(draw));
  return intervalOf(value, values);
}

function meanOf(values: Uint8Array | Int32Array, rows?: Int32Array): number {
  let sum = 0;
  if (rows === undefined) for (const value of values) sum += value;
  else for (const row of rows) sum += values[row]!;
  return sum / values.length;
}

function pick({ columns, values }: Features, rows: Int32Array): Features {
  const picked = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    picked.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return { rows: rows.length, columns, values: picked };
}
