/** The study on a toy: two cells of few steps, stopped once in the middle. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawNoise } from '../../src/core/index.ts';
import { type Cell, cellName, type Figure } from '../../src/study/cells.ts';
import { partsFound } from '../../src/study/draw.ts';
import { drawJobs, jobsToDraw } from '../../src/study/draw-all.ts';
import { startLocalCairn } from '../../src/study/local-cairn.ts';
import { writeReport } from '../../src/study/report.ts';
import { npzBytes } from '../verify/write-npz.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cairn-study-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const cells: readonly [Cell, Cell] = [
  { model: 'mnist-32-fixed-small', sampler: 'ddpm', steps: 2, scale: 4 },
  { model: 'mnist-32-fixed-small', sampler: 'ddpm', steps: 3, scale: 4 },
];
const figures: readonly Figure[] = [{ name: 'variance', cells, share: 1 }];

test('goes on where it stopped, draws nothing twice, and writes its figures', async () => {
  const home = join(folder, 'cells');
  await using cairn = await startLocalCairn({
    ...{ folder, checkpoints: null, engines: 1 },
    models: ['mnist-32-fixed-small'],
  });
  const draw = async (signal: AbortSignal, onProgress: (what: string) => void = () => {}) => {
    const jobs = await jobsToDraw(figures, 40, (cell) => partsFound(home, cell));
    await drawJobs(cairn.client, jobs, { cells: home, signal, onProgress });
    return jobs.length;
  };
  const files = async (cell: Cell) => (await readdir(join(home, cellName(cell))).catch(() => [])).sort();

  const stop = new AbortController();
  const began: string[] = [];
  await draw(stop.signal, (what) => {
    began.push(what);
    // The fourth job begins when one of the first three is kept; the others are left under way.
    if (began.length === 4) stop.abort();
  });
  const kept = (await Promise.all(cells.map(files))).flat().length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(8);

  expect(await draw(new AbortController().signal)).toBe(8 - kept);
  for (const cell of cells) {
    expect(await files(cell)).toEqual(['0-10.npz', '10-10.npz', '20-10.npz', '30-10.npz']);
  }
  expect(await draw(new AbortController().signal)).toBe(0);
  // What was left under way was drawn by the same job, once: nothing is left of any.
  expect((await cairn.client.listSamples()).data).toEqual([]);

  const page = join(folder, 'page.md');
  await writeFile(page, '<!-- study run -->\n<!-- /study -->\n<!-- study variance -->\n<!-- /study -->\n');
  const real = join(folder, 'real.npz');
  await writeFile(real, npzBytes({ features: { shape: [80, 64], data: drawNoise([1], 80 * 64, 0) } }));
  const realImages = { reference: real, test: real };
  const report = writeReport({ figures, cells: home, page, realImages, onProgress: () => {} });
  expect(await report).toEqual(['variance']);
  expect(await readFile(page, 'utf8')).toMatch(/2 settings, 80 images, 200 steps[\s\S]*\| fixed small, 2 \|/);
  expect(await readFile(join(folder, 'study/variance.svg'), 'utf8')).toContain('40 images each');
});
