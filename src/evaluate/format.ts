/** An evaluation as a table for people. */
import { CONFIDENCE } from './bootstrap.ts';
import type { Evaluation, Metric, MetricName } from './evaluate.ts';

const NAMES: Readonly<Record<MetricName, string>> = {
  fid: 'Frechet distance',
  sfid: 'Frechet distance, spatial',
  inception_score: 'Inception Score',
  precision: 'precision',
  recall: 'recall',
  density: 'density',
  coverage: 'coverage',
  class_accuracy: 'class accuracy',
};

/** One line each; intervals behind the values. */
export function formatEvaluation({ metrics, warnings }: Evaluation): string[] {
  const width = Math.max(...metrics.map(({ name }) => NAMES[name].length));
  const lines = metrics.map((metric) => `${NAMES[metric.name].padEnd(width)}  ${formatMetric(metric)}`);
  return [...lines, ...warnings.map((warning) => `warning: ${warning}`)];
}

/** e.g. `4.59 [4.41, 4.83]`. */
export function formatMetric({ value, interval }: Pick<Metric, 'value' | 'interval'>): string {
  if (interval === null) return format(value);
  return `${format(value).padStart(7)}  [${format(interval.low)}, ${format(interval.high)}] ${CONFIDENCE * 100} %`;
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3);
}
