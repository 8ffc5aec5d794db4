/** Which kept steps an animation shows, how long each, and at what size. */
import { type ImageShape, shrunkSize } from '../../core/index.ts';
import { gridColumns, gridSize } from '../../durable/outputs.ts';

/** A loop takes about so long before it rests at its end, ms. */
const LOOP_MS = 4_000;
const MIN_DELAY_MS = 40;
const MAX_DELAY_MS = 500;
/** The end is looked at for so long, ms. */
const HOLD_MS = 2_000;
/** Bytes of pixels in all frames together: what is compressed for one answer. */
export const MAX_PIXEL_BYTES = 128 * 1024 ** 2;
/** Images on an animated sheet: reading a frame asks each of their batches. */
export const MAX_SHEET_IMAGES = 256;
/** Pixels along a sheet's longer side, without gaps; its tiles are never below MIN_TILE. */
const SHEET_SIDE = 1_024;
const MIN_TILE = 64;

export interface Sheet {
  readonly columns: number;
  /** Images are shrunk to this; null: as they are. */
  readonly tile: number | null;
  /** Of a frame. */
  readonly width: number;
  readonly height: number;
}

/** A sheet of all images, laid out as the contact sheet is but no larger than a screen. */
export function sheetOf(count: number, classes: number, shape: ImageShape): Sheet {
  const columns = gridColumns(count, classes);
  const tile = Math.max(MIN_TILE, Math.floor(SHEET_SIDE / Math.max(columns, Math.ceil(count / columns))));
  return { columns, tile, ...gridSize(count, columns, shrunkSize(shape, tile)) };
}

/**
 * As many of the steps as fit into {@link MAX_PIXEL_BYTES}, evenly spread: the first and the last always.
 *
 * @param frameBytes of the pixels of one frame
 */
export function shownSteps(steps: readonly number[], frameBytes: number): number[] {
  const count = Math.min(steps.length, Math.max(2, Math.floor(MAX_PIXEL_BYTES / frameBytes)));
  if (count === steps.length) return [...steps];
  return Array.from({ length: count }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (count - 1))]!);
}

/** Milliseconds of each frame. */
export function delaysOf(frames: number): number[] {
  const delay = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, Math.round(LOOP_MS / frames)));
  return Array.from({ length: frames }, (_, i) => (i === frames - 1 ? HOLD_MS : delay));
}
