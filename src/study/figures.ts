/** The study's figures as SVG files. */
import type { Metric, MetricName } from '../evaluate/evaluate.ts';
import { type Panel, sheet } from '../evaluate/plot/drawing.ts';
import { intervalPanel } from '../evaluate/plot/interval-panel.ts';
import { linePanel, type PlottedPoint } from '../evaluate/plot/line-panel.ts';
import { type Cell, SCALES, STEPS, VARIANCE_STEPS } from './cells.ts';
import type { MeasuredFigure } from './measure.ts';

/** What each panel shows, in words that say which way is better. */
const PANELS: Readonly<Partial<Record<MetricName, string>>> = {
  fid: 'Frechet distance (lower is closer)',
  inception_score: 'Inception Score (10 at most)',
  precision: 'precision (higher: more faithful)',
  recall: 'recall (higher: more diverse)',
  coverage: 'coverage (higher: more diverse)',
  class_accuracy: 'class accuracy (share)',
};

export interface SeriesOfCells {
  readonly name: string;
  readonly has: (cell: Cell) => boolean;
}

interface Axis {
  readonly label: string;
  readonly type: 'linear' | 'log';
  readonly ticks: readonly number[];
  readonly of: (cell: Cell) => number;
}

const stepAxis = (ticks: readonly number[]): Axis => ({
  label: 'steps',
  type: 'log',
  ticks,
  of: ({ steps }) => steps,
});

export const VARIANCES: readonly SeriesOfCells[] = [
  { name: 'learned', has: ({ model }) => model === 'mnist-32' },
  { name: 'fixed small', has: ({ model }) => model === 'mnist-32-fixed-small' },
  { name: 'fixed large', has: ({ model }) => model === 'mnist-32-fixed-large' },
];

export const SAMPLERS: readonly SeriesOfCells[] = [
  { name: 'ancestral (ddpm)', has: ({ sampler }) => sampler === 'ddpm' },
  { name: 'DDIM', has: ({ sampler }) => sampler === 'ddim' },
];

export const PRECISIONS: readonly SeriesOfCells[] = [
  { name: 'fp32 weights', has: ({ model }) => model === 'mnist-32-fp32' },
  { name: 'fp16 weights, fp32 arithmetic', has: ({ model }) => model === 'mnist-32' },
  { name: 'fp16 weights and arithmetic', has: ({ model }) => model === 'mnist-32-fp16' },
];

/** A figure as an SVG file. */
export function drawFigure(figure: MeasuredFigure): string {
  const { images } = figure;
  switch (figure.name) {
    case 'scale': {
      const axis: Axis = {
        label: 'guidance scale',
        type: 'linear',
        ticks: [...SCALES],
        of: ({ scale }) => scale,
      };
      const all: readonly SeriesOfCells[] = [{ name: 'all', has: () => true }];
      return lines(figure, `Guidance scale: fidelity against diversity (${images} images each)`, axis, all);
    }
    case 'steps':
      return lines(figure, `Ancestral sampling and DDIM (${images} images each)`, stepAxis(STEPS), SAMPLERS);
    case 'variance':
      return lines(
        figure,
        `Learned and fixed variances (${images} images each)`,
        stepAxis(VARIANCE_STEPS),
        VARIANCES,
      );
    case 'precision':
      return intervals(figure, `Arithmetic (${images} images each)`, PRECISIONS);
  }
}

function lines(figure: MeasuredFigure, title: string, axis: Axis, series: readonly SeriesOfCells[]): string {
  const panels = panelNames(figure).map((name) =>
    linePanel({
      title: PANELS[name]!,
      xLabel: axis.label,
      xType: axis.type,
      xTicks: axis.ticks,
      series: series.map(({ has }) => pointsOf(figure, name, has, axis.of)),
      ...levelOf(figure, name),
    }),
  );
  return sheet(panels, { title, columns: 3, series: series.map(({ name }) => name) });
}

function pointsOf(
  { cells }: MeasuredFigure,
  name: MetricName,
  has: (cell: Cell) => boolean,
  x: (cell: Cell) => number,
): PlottedPoint[] {
  return cells.flatMap(({ cell, metrics }) => {
    const metric = metricOf(metrics, name);
    return has(cell) && metric ? [{ x: x(cell), value: metric.value, interval: metric.interval }] : [];
  });
}

function intervals(figure: MeasuredFigure, title: string, series: readonly SeriesOfCells[]): string {
  const panels: Panel[] = panelNames(figure).map((name) =>
    intervalPanel(
      PANELS[name]!,
      series.map(({ has }) => {
        const found = figure.cells.find(({ cell }) => has(cell));
        return (found && metricOf(found.metrics, name)) ?? null;
      }),
    ),
  );
  return sheet(panels, { title, columns: 3, series: series.map(({ name }) => name) });
}

function levelOf({ testImages }: MeasuredFigure, name: MetricName) {
  const metric = metricOf(testImages, name);
  return metric === undefined ? {} : { level: { value: metric.value, name: 'test images' } };
}

/** Those of the panels that were measured. */
function panelNames({ testImages }: MeasuredFigure): MetricName[] {
  return testImages.map(({ name }) => name).filter((name) => Object.hasOwn(PANELS, name));
}

export function metricOf(metrics: readonly Metric[], name: MetricName): Metric | undefined {
  return metrics.find((metric) => metric.name === name);
}
