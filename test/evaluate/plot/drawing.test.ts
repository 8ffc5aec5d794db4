import { DOMParser } from 'linkedom';
import { describe, expect, it, test } from 'vitest';
import { drawComparison } from '../../../src/evaluate/plot/comparison.ts';
import { sheet } from '../../../src/evaluate/plot/drawing.ts';
import { linePanel } from '../../../src/evaluate/plot/line-panel.ts';

const fid = (value: number) =>
  ({ name: 'fid', value, interval: { low: value - 1, high: value + 1 } }) as const;

/** @throws if the text is no well-formed XML, as far as its tags go */
function parse(svg: string) {
  const document = new DOMParser().parseFromString(svg, 'image/svg+xml');
  return {
    texts: [...document.querySelectorAll('text')].map(({ textContent }) => textContent),
    count: (selector: string) => document.querySelectorAll(selector).length,
  };
}

describe('a line panel', () => {
  const points = [0, 1, 4].map((x) => ({ x, value: x + 1, interval: { low: x, high: x + 2 } }));
  const panel = linePanel({
    title: 'recall (higher: more diverse)',
    xLabel: 'guidance scale',
    xTicks: [0, 1, 4],
    series: [points, points.map((point) => ({ ...point, interval: null }))],
    level: { value: 3, name: 'test images' },
  });

  it('names its axes, its ticks and the level', () => {
    const { texts } = parse(panel.svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        'recall (higher: more diverse)',
        'guidance scale',
        '0',
        '1',
        '4',
        'test images',
      ]),
    );
  });

  it('draws an interval for each point that has one', () => {
    const { count } = parse(panel.svg);
    expect(count('[aria-label=rule] line')).toBe(3 + 1);
    expect(count('[aria-label=line]')).toBe(2);
  });
});

describe('a comparison', () => {
  const one = { samples: 'a.npz', images: 10, metrics: [fid(3)], warnings: [] };
  const recall = { name: 'recall', value: 0.5, interval: null } as const;
  const two = { samples: 'b<1>.npz', images: 10, metrics: [fid(4), recall], warnings: [] };

  it('has a panel for each metric that some set has, and a legend', () => {
    const { texts, count } = parse(drawComparison([one, two], 'reference.npz'));
    expect(texts).toEqual(
      expect.arrayContaining(['Against reference.npz', 'a.npz', 'b<1>.npz', 'Frechet distance', 'recall']),
    );
    expect(count('svg svg')).toBe(2);
  });

  it('of one set has its name in the title and no legend', () => {
    const { texts } = parse(drawComparison([one], 'reference.npz'));
    expect(texts[0]).toBe('a.npz against reference.npz');
    expect(texts.filter((text) => text === 'a.npz')).toEqual([]);
  });
});

test('a sheet brings its page along, light and dark', () => {
  const svg = sheet([{ width: 10, height: 10, svg: '<svg width="10" height="10"></svg>' }], {
    title: 'One & only',
    columns: 3,
  });
  expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
  expect(svg).toContain('prefers-color-scheme:dark');
  expect(svg).toContain('One &#38; only');
  expect(svg).toContain('<svg x="12" y="38" width="10"');
});
