/** The way from noise to picture as an animated PNG, made of the steps that a job kept. */
import type { ImageShape } from '../../core/index.ts';
import type { KeptTensor } from '../../durable/batch/trajectory-store.ts';
import type { JobRecord } from '../../durable/job/job-record.ts';
import { composeGrid, GAP, type Pixels } from '../../durable/outputs.ts';
import { type BatchSpec, batchName, roundOf, type SampleSpec, splitIntoBatches } from '../../durable/spec.ts';
import type { Env } from '../../env.ts';
import { type AnimationFrame, encodeApng } from '../../files/apng.ts';
import { keptStepsOf } from '../kept-steps.ts';
import { Problem } from '../problem.ts';
import { delaysOf, MAX_SHEET_IMAGES, type Sheet, sheetOf, shownSteps } from './frames.ts';

export interface Shown {
  readonly what: KeptTensor;
  /** One image at its own size; null: all on one sheet. */
  readonly image: number | null;
}

/** What is shown unless the caller says: the pictures that sharpen, if those are kept. */
export function usualTensor({ keepTrajectory }: SampleSpec): KeptTensor {
  return keepTrajectory?.what === 'x_t' ? 'x_t' : 'x_start';
}

/** Why there is no such animation of a job that succeeded; null if there is one. */
export function animationFault({ spec }: JobRecord, { what, image }: Shown): string | null {
  const kept = spec.keepTrajectory ?? null;
  const ask = `keep_trajectory {"every": k, "what": "${what === 'x_t' ? 'x_t' : 'x_start'}"}`;
  if (kept === null) return `no steps were kept: make the sample with ${ask}`;
  if (kept.what !== 'both' && kept.what !== what) {
    return `of its steps ${kept.what} was kept, not ${what}: ask for what=${kept.what}, or make the sample with ${ask}`;
  }
  if (image !== null && image >= spec.count) return `it has ${spec.count} images, counted from 0`;
  if (image === null && spec.count > MAX_SHEET_IMAGES) {
    return `${spec.count} images are too many for an animated sheet of at most ${MAX_SHEET_IMAGES}: ask for image=n`;
  }
  return null;
}

/**
 * The file in pieces, frame after frame, row of tiles after row of tiles.
 *
 * @throws {Problem} not-ready if the steps are gone
 */
export async function* animate(
  env: Env,
  { spec }: JobRecord,
  shape: ImageShape,
  shown: Shown,
): AsyncGenerator<Uint8Array> {
  const sheet: Sheet =
    shown.image === null
      ? sheetOf(spec.count, roundOf(spec), shape)
      : { columns: 1, tile: null, width: shape.width, height: shape.height };
  const kept = (await keptStepsOf(env, spec))
    .filter(({ batches }) => batches.every((of) => (shown.what === 'x_t' ? of?.xT : of?.xStart) === true))
    .map(({ step }) => step);
  if (kept.length === 0) throw gone(spec);
  const steps = shownSteps(kept, sheet.width * sheet.height * shape.channels);
  const delays = delaysOf(steps.length);
  const frames = steps.map((step, i): AnimationFrame => {
    const pixels = () => pixelsAt(env, spec, step, shown, sheet.tile);
    return {
      delayMs: delays[i]!,
      rows: () => (shown.image === null ? sheetRows(pixels(), sheet.columns) : pixelRows(pixels())),
    };
  });
  yield* encodeApng({ width: sheet.width, height: sheet.height, channels: shape.channels, frames });
}

/** The images of a kept step in order, one batch in memory at a time. */
async function* pixelsAt(
  env: Env,
  spec: SampleSpec,
  step: number,
  { what, image }: Shown,
  side: number | null,
): AsyncGenerator<Pixels> {
  const has = ({ first, size }: BatchSpec) => image === null || (image >= first && image < first + size);
  for (const { index } of splitIntoBatches(spec).filter(has)) {
    const batch = env.BATCHES.get(env.BATCHES.idFromName(batchName(spec.id, index)));
    const pixels = await batch.keptPixels(step, what, { image, side });
    if (pixels === null) throw gone(spec);
    yield* pixels;
  }
}

async function* pixelRows(images: AsyncIterable<Pixels>): AsyncGenerator<Uint8Array> {
  for await (const { data } of images) yield data;
}

/** A sheet, one row of tiles at a time: each but the first leaves out the gap above it, which the one before has. */
async function* sheetRows(images: AsyncIterable<Pixels>, columns: number): AsyncGenerator<Uint8Array> {
  let row: Pixels[] = [];
  let first = true;
  const drawn = () => {
    const { width, channels, data } = composeGrid(row, columns);
    const rows = first ? data : data.subarray(GAP * width * channels);
    row = [];
    first = false;
    return rows;
  };
  for await (const image of images) {
    row.push(image);
    if (row.length === columns) yield drawn();
  }
  if (row.length > 0) yield drawn();
}

function gone(spec: SampleSpec): Problem {
  return new Problem('not-ready', `the kept steps of ${spec.id} are gone`);
}
