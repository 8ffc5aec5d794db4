/** An evaluation, or several against the same reference, as an SVG file: a panel for each metric. */
import type { MetricName } from '../evaluate.ts';
import { METRIC_NAMES, type NamedEvaluation } from '../format.ts';
import { sheet } from './drawing.ts';
import { intervalPanel } from './interval-panel.ts';

/** Panels side by side. */
const COLUMNS = 4;

/** @param reference what all were held against, for the title */
export function drawComparison(evaluations: readonly NamedEvaluation[], reference: string): string {
  const names = (Object.keys(METRIC_NAMES) as MetricName[]).filter((name) =>
    evaluations.some(({ metrics }) => metrics.some((metric) => metric.name === name)),
  );
  const panels = names.map((name) =>
    intervalPanel(
      METRIC_NAMES[name],
      evaluations.map(({ metrics }) => metrics.find((metric) => metric.name === name) ?? null),
    ),
  );
  const [only] = evaluations;
  const title = evaluations.length === 1 ? `${only!.samples} against ${reference}` : `Against ${reference}`;
  return sheet(panels, { title, columns: COLUMNS, series: evaluations.map(({ samples }) => samples) });
}
