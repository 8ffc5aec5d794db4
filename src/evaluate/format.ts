/** An evaluation as a table for people. */
import { CONFIDENCE } from './bootstrap.ts';
import type { Evaluation, Metric, MetricName } from './evaluate.ts';

/** In the order in which they are shown. */
export const METRIC_NAMES: Readonly<Record<MetricName, string>> = {
  fid: 'Frechet distance',
  sfid: 'Frechet distance, spatial',
  inception_score: 'Inception Score',
  precision: 'precision',
  recall: 'recall',
  density: 'density',
  coverage: 'coverage',
  class_accuracy: 'class accuracy',
};

/** Of one of several sets of samples. */
export interface NamedEvaluation extends Evaluation {
  readonly samples: string;
  /** Null for a file that has statistics alone. */
  readonly images: number | null;
}

/** One line each; intervals behind the values. */
export function formatEvaluation({ metrics, warnings }: Evaluation): string[] {
  const width = Math.max(...metrics.map(({ name }) => METRIC_NAMES[name].length));
  const lines = metrics.map(
    (metric) => `${METRIC_NAMES[metric.name].padEnd(width)}  ${formatMetric(metric)}`,
  );
  return [...lines, ...warnings.map((warning) => `warning: ${warning}`)];
}

/** A column for each set of samples, under its name. */
export function formatComparison(evaluations: readonly NamedEvaluation[]): string[] {
  const names = (Object.keys(METRIC_NAMES) as MetricName[]).filter((name) =>
    evaluations.some(({ metrics }) => metrics.some((metric) => metric.name === name)),
  );
  const columns = evaluations.map(({ samples, metrics }) => [
    samples,
    ...names.map((name) => {
      const metric = metrics.find((one) => one.name === name);
      return metric === undefined ? '' : formatMetric(metric);
    }),
  ]);
  const rows = [['', ...names.map((name) => METRIC_NAMES[name])], ...columns];
  const widths = rows.map((column) => Math.max(...column.map((cell) => cell.length)));
  const lines = rows[0]!.map((_, line) =>
    rows
      .map((column, i) => column[line]!.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...warningsOf(evaluations).map((warning) => `warning: ${warning}`)];
}

function warningsOf(evaluations: readonly NamedEvaluation[]): string[] {
  const named = evaluations.flatMap(({ samples, warnings }) =>
    warnings.map((warning) => warning.replace(/^the samples/, samples)),
  );
  const counts = new Set(evaluations.map(({ images }) => images));
  return [
    ...new Set(named),
    ...(counts.size > 1
      ? [
          `${[...counts].join(', ')} images: compare Frechet distance, recall and coverage of equal counts only`,
        ]
      : []),
  ];
}

/** e.g. `4.59 [4.41, 4.83]`. */
export function formatMetric({ value, interval }: Pick<Metric, 'value' | 'interval'>): string {
  if (interval === null) return format(value);
  return `${format(value).padStart(7)}  [${format(interval.low)}, ${format(interval.high)}] ${CONFIDENCE * 100} %`;
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3);
}
