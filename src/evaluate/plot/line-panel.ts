/** A metric over something that was varied: a line for each series, with intervals, and a level to hold it against. */
import * as Plot from '@observablehq/plot';
import type { Interval } from '../bootstrap.ts';
import { document, type Panel, seriesStyle } from './drawing.ts';

export interface PlottedPoint {
  readonly x: number;
  readonly value: number;
  readonly interval: Interval | null;
}

export interface LinePanelOptions {
  /** Above the panel: the metric, its unit, and which way is better. */
  readonly title: string;
  readonly xLabel: string;
  readonly xType?: 'linear' | 'log';
  /** Where the ticks of x are. */
  readonly xTicks: readonly number[];
  readonly series: readonly (readonly PlottedPoint[])[];
  /** A dashed line across. */
  readonly level?: { readonly value: number; readonly name: string };
  readonly yDomain?: readonly [number, number];
}

const WIDTH = 292;
const HEIGHT = 190;

export function linePanel(options: LinePanelOptions): Panel {
  const { title, xLabel, xType = 'linear', xTicks, series, level, yDomain } = options;
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: 30,
    marginLeft: 42,
    marginBottom: 36,
    // The level's name stands beside the plot.
    marginRight: level === undefined ? 12 : 60,
    x: {
      type: xType,
      label: xLabel,
      ticks: [...xTicks],
      tickFormat: String,
      labelAnchor: 'center',
      labelArrow: 'none',
    },
    y: {
      label: title,
      labelArrow: 'none',
      grid: true,
      nice: true,
      ticks: 5,
      ...(yDomain && { domain: [...yDomain] }),
    },
    marks: [
      ...(level === undefined
        ? []
        : [
            Plot.ruleY([level.value], { stroke: 'currentColor', strokeDasharray: '4,3', strokeOpacity: 0.7 }),
            Plot.text([level], {
              y: 'value',
              text: 'name',
              frameAnchor: 'right',
              dx: 4,
              textAnchor: 'start',
              fillOpacity: 0.8,
              fontSize: 9,
            }),
          ]),
      ...series.flatMap((points, i) => {
        const { colour, symbol } = seriesStyle(i);
        const drawn = points.filter(({ interval }) => interval !== null);
        return [
          Plot.ruleX(drawn, {
            x: 'x',
            y1: ({ interval }: PlottedPoint) => interval!.low,
            y2: ({ interval }: PlottedPoint) => interval!.high,
            stroke: colour,
            strokeWidth: 2,
            strokeOpacity: 0.5,
          }),
          Plot.lineY([...points], { x: 'x', y: 'value', stroke: colour }),
          Plot.dot([...points], { x: 'x', y: 'value', fill: colour, symbol, r: 3 }),
        ];
      }),
    ],
  });
  return { width: WIDTH, height: HEIGHT, svg: plot.outerHTML };
}
