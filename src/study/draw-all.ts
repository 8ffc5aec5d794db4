/** Draws the study in rounds, so that whenever it is stopped its figures are complete, with fewer images. */
import type { CairnClient } from '../client/index.ts';
import { type Cell, CLASSES, cellName, type Figure } from './cells.ts';
import { drawJob, imagesIn, type Job, missingJobs, type Part, partsFound, withoutGap } from './draw.ts';
import { startLocalCairn } from './local-cairn.ts';
import type { Checkpoints, StudyModel } from './variants.ts';

export interface DrawOptions {
  readonly figures: readonly Figure[];
  /** Of the figure whose share is 1. */
  readonly images: number;
  /** The study's folder: cells, jobs under way, models. */
  readonly folder: string;
  /** Where the cells go. */
  readonly cells: string;
  readonly checkpoints: Checkpoints | null;
  readonly engines: number;
  readonly signal: AbortSignal;
  /** Called before each job: how many image steps of all are done. */
  readonly onProgress: (what: string, done: number, total: number) => void;
}

/** Jobs under way at a time: while one ends, the other keeps the engines busy. */
const AT_A_TIME = 3;

/** Parts of the whole number of images, each a study in itself. */
const ROUNDS = [1 / 4, 1 / 2, 3 / 4, 1];

/** Images of each cell of a figure: as many of every class. */
export function imagesOf({ share }: Figure, images: number): number {
  return Math.max(1, Math.round((images * share) / CLASSES)) * CLASSES;
}

/**
 * In the order in which they are drawn.
 *
 * @param found what there is of a cell, gaps and all: none of it is drawn again
 */
export async function jobsToDraw(
  figures: readonly Figure[],
  images: number,
  found: (cell: Cell) => Promise<readonly Part[]>,
): Promise<Job[]> {
  const kept = new Map<string, readonly Part[]>();
  const planned = new Map<string, number>();
  const jobs: Job[] = [];
  for (const round of ROUNDS) {
    for (const figure of figures) {
      for (const cell of figure.cells) {
        const name = cellName(cell);
        const parts = kept.get(name) ?? (await found(cell));
        kept.set(name, parts);
        const before = planned.get(name) ?? imagesIn(withoutGap(parts));
        const want = imagesOf(figure, images * round);
        jobs.push(...missingJobs(cell, before, want).filter((job) => !parts.some((part) => isOf(part, job))));
        planned.set(name, Math.max(before, want));
      }
    }
  }
  return jobs;
}

/**
 * Starts a Cairn and draws what is missing.
 *
 * @throws {Error} if a job failed
 */
export async function drawAll(options: DrawOptions): Promise<void> {
  const { figures, images, cells } = options;
  const jobs = await jobsToDraw(figures, images, (cell) => partsFound(cells, cell));
  if (jobs.length === 0) return;
  const models: StudyModel[] = [...new Set(jobs.map(({ cell }) => cell.model))];
  await using cairn = await startLocalCairn({ ...options, models });
  await drawJobs(cairn.client, jobs, options);
}

/**
 * Returns when all jobs are drawn, or when the signal fires: what was under way then is left to the next time.
 *
 * @throws {Error} if a job failed
 */
export async function drawJobs(
  client: CairnClient,
  jobs: readonly Job[],
  { cells, signal, onProgress }: Pick<DrawOptions, 'cells' | 'signal' | 'onProgress'>,
): Promise<void> {
  const total = jobs.reduce((sum, job) => sum + imageSteps(job), 0);
  let done = 0;
  const waiting = jobs.values();
  const work = async () => {
    for (const job of waiting) {
      if (signal.aborted) return;
      onProgress(`${cellName(job.cell)}, images ${job.first} to ${job.first + job.count - 1}`, done, total);
      await drawJob(client, cells, job, signal);
      done += imageSteps(job);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work)).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function isOf(part: Part, { first, count }: Job): boolean {
  return part.first === first && part.count === count;
}

function imageSteps({ cell, count }: Job): number {
  return cell.steps * count;
}
