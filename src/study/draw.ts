/** Draws what is still missing of a cell, job by job, each kept as a file before the next one is asked for. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../cli/write-atomically.ts';
import type { CairnClient } from '../client/index.ts';
import { type Cell, CLASSES, cellName } from './cells.ts';

/** Images in one job: batches of ten, so that image n is of class n mod 10. */
export const JOB_IMAGES = 50;

/** A file of images: .npz as the API gives it. */
export interface Part {
  readonly path: string;
  /** Number of its first image in the cell. */
  readonly first: number;
  readonly count: number;
}

/** What there is of a cell, in order. There may be gaps: of jobs side by side the later may have been kept alone. */
export async function partsFound(folder: string, cell: Cell): Promise<Part[]> {
  const home = join(folder, cellName(cell));
  const names = await readdir(home).catch(() => []);
  const found = names.flatMap((name) => {
    const [, first, count] = /^(\d+)-(\d+)\.npz$/.exec(name) ?? [];
    return first === undefined
      ? []
      : [{ path: join(home, name), first: Number(first), count: Number(count) }];
  });
  return found.sort((a, b) => a.first - b.first);
}

/** What there is of a cell up to the first gap, in order. */
export async function partsOf(folder: string, cell: Cell): Promise<Part[]> {
  return withoutGap(await partsFound(folder, cell));
}

/** @param found in order */
export function withoutGap(found: readonly Part[]): Part[] {
  const parts: Part[] = [];
  for (const part of found) if (part.first === imagesIn(parts)) parts.push(part);
  return parts;
}

export function imagesIn(parts: readonly Part[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** A job that is still to be drawn. */
export interface Job {
  readonly cell: Cell;
  readonly first: number;
  readonly count: number;
}

/** The jobs that bring a cell from `have` to `want` images. */
export function missingJobs(cell: Cell, have: number, want: number): Job[] {
  const jobs: Job[] = [];
  for (let first = have; first < want; first += JOB_IMAGES) {
    jobs.push({ cell, first, count: Math.min(JOB_IMAGES, want - first) });
  }
  return jobs;
}

/**
 * Draws one job and keeps it. If the job was asked for before and the study ended before it did, this is the same
 * job: it goes on where it was.
 */
export async function drawJob(
  client: CairnClient,
  folder: string,
  { cell, first, count }: Job,
  signal: AbortSignal,
): Promise<void> {
  const { model, sampler, steps, scale } = cell;
  const name = `${first}-${count}`;
  const accepted = await client.createSample(
    {
      ...{ model, sampler, steps, count, guidance_scale: scale },
      classes: Array.from({ length: CLASSES }, (_, digit) => digit),
      seed: first,
      preview_every: 0,
    },
    { idempotencyKey: `study-${cellName(cell)}-${name}`, signal },
  );
  // It failed the last time: what was wrong may have passed.
  if (accepted.status === 'failed') await client.resumeSample(accepted.id, { signal });
  const sample = await client.waitForSample(accepted.id, { signal });
  if (sample.status !== 'succeeded' || sample.outputs.npz === null) {
    throw new Error(`${cellName(cell)}, images from ${first}: ${sample.status}, ${sample.error?.message}`);
  }
  await mkdir(join(folder, cellName(cell)), { recursive: true });
  const images = await client.download(sample.outputs.npz, { signal });
  await writeAtomically(join(folder, cellName(cell), `${name}.npz`), images);
  await client.deleteSample(sample.id, { signal });
}
