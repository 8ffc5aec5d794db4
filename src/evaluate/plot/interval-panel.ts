/** A metric of several sets of samples, side by side with their intervals. */
import * as Plot from '@observablehq/plot';
import type { Metric } from '../evaluate.ts';
import { document, type Panel, seriesStyle } from './drawing.ts';

type Value = Pick<Metric, 'value' | 'interval'>;

const WIDTH = 210;
const HEIGHT = 150;

/** @param values one for each set; a set that has no such metric has a gap */
export function intervalPanel(title: string, values: readonly (Value | null)[]): Panel {
  const points = values.flatMap((metric, set) =>
    metric === null ? [] : [{ ...metric, set: String(set + 1) }],
  );
  const drawn = points.filter(({ interval }) => interval !== null);
  const styleOf = ({ set }: { readonly set: string }) => seriesStyle(Number(set) - 1);
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: 30,
    marginLeft: 48,
    marginBottom: 14,
    x: { type: 'point', domain: values.map((_, set) => String(set + 1)), axis: null },
    y: { label: title, labelArrow: 'none', grid: true, nice: true, ticks: 4 },
    marks: [
      Plot.ruleX(drawn, {
        x: 'set',
        y1: ({ interval }: Value) => interval!.low,
        y2: ({ interval }: Value) => interval!.high,
        stroke: (point: { set: string }) => styleOf(point).colour,
        strokeWidth: 2,
        strokeOpacity: 0.5,
      }),
      ...points.map((point) =>
        Plot.dot([point], {
          x: 'set',
          y: 'value',
          fill: styleOf(point).colour,
          symbol: styleOf(point).symbol,
          r: 4,
        }),
      ),
    ],
    color: { type: 'identity' },
  });
  return { width: WIDTH, height: HEIGHT, svg: plot.outerHTML };
}
