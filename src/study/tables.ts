/** The study's numbers as Markdown tables. */
import { markdownTable } from '../bench/table.ts';
import type { Metric, MetricName } from '../evaluate/evaluate.ts';
import { formatMetric } from '../evaluate/format.ts';
import type { Cell } from './cells.ts';
import { metricOf, PRECISIONS, SAMPLERS, type SeriesOfCells, VARIANCES } from './figures.ts';
import type { MeasuredFigure } from './measure.ts';
import type { PixelDifference } from './pixels.ts';

const COLUMNS: readonly (readonly [name: MetricName, heading: string])[] = [
  ['fid', 'Frechet distance'],
  ['inception_score', 'Inception Score'],
  ['precision', 'precision'],
  ['recall', 'recall'],
  ['density', 'density'],
  ['coverage', 'coverage'],
  ['class_accuracy', 'class accuracy'],
];

/** A row for each cell, and one for real images. */
export function tableOf(figure: MeasuredFigure): string {
  const { heading, label } = rowLabels(figure.name);
  const row = (name: string, metrics: readonly Metric[]) => [
    name,
    ...COLUMNS.map(([metric]) => {
      const found = metricOf(metrics, metric);
      return found === undefined
        ? ''
        : formatMetric(found)
            .trim()
            .replace(/ \d+ %$/, '');
    }),
  ];
  return markdownTable(
    [heading, ...COLUMNS.map(([, name]) => name)],
    [
      ...figure.cells.map(({ cell, metrics }) => row(label(cell), metrics)),
      row('test images', figure.testImages),
    ],
  );
}

function rowLabels(name: MeasuredFigure['name']): { heading: string; label: (cell: Cell) => string } {
  const seriesName = (series: readonly SeriesOfCells[], cell: Cell) =>
    series.find(({ has }) => has(cell))!.name;
  switch (name) {
    case 'scale':
      return { heading: 'scale', label: ({ scale }) => String(scale) };
    case 'steps':
      return { heading: 'sampler, steps', label: (cell) => `${seriesName(SAMPLERS, cell)}, ${cell.steps}` };
    case 'variance':
      return { heading: 'variance, steps', label: (cell) => `${seriesName(VARIANCES, cell)}, ${cell.steps}` };
    case 'precision':
      return { heading: 'arithmetic', label: (cell) => seriesName(PRECISIONS, cell) };
  }
}

/** Two cells, and how far their pixels are apart. */
export interface PixelRow {
  readonly name: string;
  readonly difference: PixelDifference;
}

export function pixelTable(rows: readonly PixelRow[]): string {
  return markdownTable(
    [
      'the same seeds with',
      'images',
      'mean difference of a pixel',
      'largest',
      'same bytes',
      'differ visibly',
    ],
    rows.map(({ name, difference: { images, mean, largest, identical, visible } }) => [
      name,
      String(images),
      `${mean.toPrecision(2)} of 255`,
      String(largest),
      percent(identical),
      percent(visible),
    ]),
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
