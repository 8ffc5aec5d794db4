import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { type Cell, cellName, figures } from '../../src/study/cells.ts';
import { imagesIn, missingJobs, partsOf } from '../../src/study/draw.ts';
import { imagesOf, jobsToDraw } from '../../src/study/draw-all.ts';

const cell: Cell = { model: 'mnist-32', sampler: 'ddpm', steps: 25, scale: 4 };

const nothing = async () => [];
const upTo = (count: number) => ({ path: '', first: 0, count });

describe('a plan', () => {
  it('draws each cell once for all figures that share it, up to the largest of their counts', async () => {
    const jobs = await jobsToDraw(figures, 1000, nothing);
    const drawn = new Map<string, number>();
    for (const job of jobs) {
      const name = cellName(job.cell);
      expect(job.first, name).toBe(drawn.get(name) ?? 0);
      drawn.set(name, job.first + job.count);
    }
    for (const figure of figures) {
      for (const own of figure.cells) {
        expect(drawn.get(cellName(own))).toBeGreaterThanOrEqual(imagesOf(figure, 1000));
      }
    }
    expect(drawn.get(cellName(cell))).toBe(1000);
    expect(drawn.get('mnist-32_ddim-250_scale-4')).toBe(250);
  });

  it('has begun every cell by the end of its first quarter', async () => {
    const jobs = await jobsToDraw(figures, 1000, nothing);
    const cells = new Set(figures.flatMap((figure) => figure.cells.map(cellName)));
    const early = new Set(
      jobs.slice(0, Math.ceil(jobs.length / 4 + cells.size)).map((job) => cellName(job.cell)),
    );
    expect(early).toEqual(cells);
  });

  it('leaves out what there is, and all of it when nothing is missing', async () => {
    const whole = await jobsToDraw(figures, 400, nothing);
    const rest = await jobsToDraw(figures, 400, async () => [upTo(70)]);
    const images = (jobs: typeof whole) => jobs.reduce((sum, { count }) => sum + count, 0);
    const short = new Set(figures.flatMap((figure) => figure.cells.map(cellName)));
    expect(images(whole) - images(rest)).toBe(70 * short.size);
    expect(await jobsToDraw(figures, 400, async () => [upTo(400)])).toEqual([]);
  });

  it('draws what is missing before something that was kept, and not that again', async () => {
    const whole = await jobsToDraw(figures, 400, nothing);
    for (const gap of [0, 1, 2]) {
      const found = async (own: Cell) =>
        whole
          .filter((job) => cellName(job.cell) === cellName(own))
          .map(({ first, count }) => ({ path: '', first, count }))
          .filter((_, i) => i !== gap);
      const missing = await jobsToDraw(figures, 400, found);
      const names = missing.map((job) => cellName(job.cell));
      expect(new Set(names).size).toBe(names.length); // one of each cell
      expect(whole).toEqual(expect.arrayContaining(missing));
    }
  });
});

test('jobs go on at the next image, and stay within their size', () => {
  expect(missingJobs(cell, 30, 100)).toEqual([
    { cell, first: 30, count: 50 },
    { cell, first: 80, count: 20 },
  ]);
});

describe('parts', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cairn-study-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('count up to the first gap, and nothing else in the folder does', async () => {
    expect(await partsOf(folder, cell)).toEqual([]);
    const home = join(folder, cellName(cell));
    await mkdir(home, { recursive: true });
    for (const name of ['100-50.npz', '0-50.npz', '50-20.npz', '.120-50.npz.77', 'notes.txt']) {
      await writeFile(join(home, name), '');
    }
    const parts = await partsOf(folder, cell);
    expect(parts.map(({ first, count }) => [first, count])).toEqual([
      [0, 50],
      [50, 20],
    ]);
    expect(imagesIn(parts)).toBe(70);
  });
});
