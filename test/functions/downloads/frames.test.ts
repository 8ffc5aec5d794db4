import { describe, expect, it } from 'vitest';
import {
  delaysOf,
  MAX_PIXEL_BYTES,
  MAX_SHEET_IMAGES,
  sheetOf,
  shownSteps,
} from '../../../src/functions/downloads/frames.ts';

describe('a sheet', () => {
  it('shows small images as the contact sheet does, and few large ones as they are', () => {
    const digits = { channels: 1, height: 32, width: 32 };
    expect(sheetOf(10, 10, digits)).toEqual({ columns: 10, tile: 102, width: 662, height: 68 });
    const photographs = { channels: 3, height: 256, width: 256 };
    expect(sheetOf(4, 1, photographs)).toEqual({ columns: 2, tile: 512, width: 518, height: 518 });
  });

  it.each([1, 2, 3, 7, 16, 1000])(
    'of as many images as fit, in %i classes, has room for frames',
    (classes) => {
      for (const side of [32, 64, 256, 512, 1024]) {
        for (let count = 1; count <= MAX_SHEET_IMAGES; count++) {
          const { width, height } = sheetOf(count, classes, { channels: 3, height: side, width: side });
          expect(MAX_PIXEL_BYTES / (width * height * 3), `${count} of ${side}`).toBeGreaterThan(24);
        }
      }
    },
  );
});

describe('the steps that are shown', () => {
  const steps = Array.from({ length: 101 }, (_, i) => i * 10);

  it('are all of them while they fit', () => {
    expect(shownSteps(steps, MAX_PIXEL_BYTES / 101)).toEqual(steps);
    expect(shownSteps([8], MAX_PIXEL_BYTES)).toEqual([8]);
  });

  it('are evenly spread from the first to the last where they do not', () => {
    expect(shownSteps(steps, MAX_PIXEL_BYTES / 5)).toEqual([0, 250, 500, 750, 1000]);
    expect(shownSteps(steps, 2 * MAX_PIXEL_BYTES)).toEqual([0, 1000]);
  });
});

it('takes about four seconds and rests at the end', () => {
  expect(delaysOf(50)).toEqual([...Array(49).fill(80), 2000]);
  expect(delaysOf(1000)[0]).toBe(40);
  expect(delaysOf(1)).toEqual([2000]);
});
