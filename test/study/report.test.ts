import { decode } from 'fast-png';
import { describe, expect, it, test } from 'vitest';
import { contactSheet } from '../../src/study/contact-sheet.ts';
import { drawFigure } from '../../src/study/figures.ts';
import type { MeasuredFigure } from '../../src/study/measure.ts';
import { replacePart } from '../../src/study/page.ts';
import { differenceOf } from '../../src/study/pixels.ts';
import { balanced, pad } from '../../src/study/reference.ts';
import { pixelTable, tableOf } from '../../src/study/tables.ts';

describe('pixels of two precisions', () => {
  it('are compared image by image', () => {
    const a = Uint8Array.of(0, 10, 20, 30, 40, 50);
    const b = Uint8Array.of(0, 10, 23, 30, 40, 150);
    const difference = differenceOf(a, b, 3);
    expect(difference).toEqual({ images: 3, mean: 103 / 6, largest: 100, identical: 1 / 3, visible: 1 / 3 });
    expect(
      pixelTable([{ name: 'fp16', difference }])
        .split('\n')
        .at(-1),
    ).toBe('| fp16 | 3 | 17 of 255 | 100 | 33 % | 33 % |');
  });
});

test('a part of a page is replaced, the rest and the marks stay', () => {
  const page =
    'above\n<!-- study scale -->\nold\n<!-- /study -->\nbetween\n<!-- study steps -->\n<!-- /study -->\n';
  const once = replacePart(page, 'scale', 'new');
  expect(once).toBe(page.replace('old', 'new'));
  expect(replacePart(once, 'scale', 'new')).toBe(once);
  expect(replacePart(page, 'steps', 'x')).toBe(page.replace('steps -->\n', 'steps -->\nx\n'));
  expect(() => replacePart(page, 'pixels', '')).toThrow('no "<!-- study pixels -->"');
});

describe('reference images', () => {
  it('are taken class by class in turns, the first of each', () => {
    const labels = [3, 0, 1, 2, 4, 5, 6, 7, 8, 9, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    expect(balanced(labels, 2)).toEqual([
      1, 2, 3, 0, 4, 5, 6, 7, 8, 9, 10, 19, 18, 17, 16, 15, 14, 13, 12, 11,
    ]);
    expect(() => balanced(labels, 3)).toThrow('fewer than 3 images of 0');
  });

  it('get two black pixels around', () => {
    const padded = pad(new Uint8Array(2 * 28 * 28).fill(255, 28 * 28), [1]);
    expect(padded.length).toBe(32 * 32);
    const row = (y: number) => padded.subarray(y * 32, (y + 1) * 32);
    expect(row(1).some((value) => value > 0)).toBe(false);
    expect([...row(2)]).toEqual([0, 0, ...new Array(28).fill(255), 0, 0]);
    expect(padded.filter((value) => value === 255).length).toBe(28 * 28);
  });
});

test('a contact sheet has each image in its row and column', () => {
  const image = (value: number) => new Array(4).fill(value);
  const rows = [
    { label: 'ddpm, 10', pixels: Uint8Array.from([...image(1), ...image(2)]) },
    { label: 'DDIM, 10', pixels: Uint8Array.from([...image(3), ...image(4)]) },
  ];
  const { svg } = contactSheet(rows, ['0', '1'], 2);
  expect(svg).toContain('>DDIM, 10</text>');
  const png = /base64,([^"]+)"/.exec(svg)![1]!;
  const { width, height, data } = decode(Buffer.from(png, 'base64'));
  expect([width, height]).toEqual([6, 6]);
  const at = (x: number, y: number) => data[y * 6 + x];
  expect([at(0, 0), at(4, 1), at(1, 4), at(5, 5), at(2, 2)]).toEqual([1, 2, 3, 4, 128]);
});

describe('a measured figure', () => {
  const metrics = (fid: number) => [
    { name: 'fid' as const, value: fid, interval: { low: fid - 1, high: fid + 1 } },
    { name: 'recall' as const, value: 0.8, interval: null },
  ];
  const cell = { model: 'mnist-32', sampler: 'ddpm', steps: 25, scale: 4 } as const;
  const figure: MeasuredFigure = {
    name: 'variance',
    images: 50,
    cells: [
      { cell, metrics: metrics(12.34) },
      { cell: { ...cell, model: 'mnist-32-fixed-large' }, metrics: metrics(20) },
    ],
    testImages: metrics(2),
  };

  it('is a row for each cell and one for the test images', () => {
    const rows = tableOf(figure).split('\n');
    expect(rows[2]).toMatch(/^\| learned, 25 \| +12\.3 +\[11\.3, 13\.3\] \|/);
    expect(rows[3]).toMatch(/^\| fixed large, 25 \|/);
    expect(rows[4]).toMatch(/^\| test images \|/);
  });

  it('is a drawing with a legend and a panel for each metric', () => {
    const svg = drawFigure(figure);
    for (const text of ['learned', 'fixed small', 'fixed large', 'test images', '50 images each', 'steps']) {
      expect(svg).toContain(text);
    }
    expect(svg.match(/<svg /g)).toHaveLength(1 + 2);
  });
});
