/** How many columns, and how large, so that every pixel of an image is a whole number of the screen's. */

export interface Arrangement {
  readonly columns: number;
  /** Of one image, CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** CSS pixels between two images. */
export const GAP = 2;
/** CSS pixels: an image need not grow beyond it. */
const LARGEST = 160;
/** CSS pixels: rather fewer columns than smaller images. */
const SMALLEST = 40;

/**
 * @param count images
 * @param size of one, in its own pixels
 * @param room CSS pixels across
 * @param ratio the screen's pixels in one CSS pixel
 */
export function arrange(
  count: number,
  size: { readonly width: number; readonly height: number },
  room: number,
  ratio: number,
): Arrangement {
  const columns = Math.max(1, Math.min(squareColumns(count), Math.floor((room + GAP) / (SMALLEST + GAP))));
  const wanted = Math.min(LARGEST, (room - GAP * (columns - 1)) / columns);
  const multiple = Math.floor((wanted * ratio) / size.width);
  // An image larger than its place is shrunk: by whole divisors too.
  const scale = multiple >= 1 ? multiple : 1 / Math.ceil(size.width / Math.max(1, wanted * ratio));
  return { columns, width: (size.width * scale) / ratio, height: (size.height * scale) / ratio };
}

/** The number of columns of a block that is about square, with a last row as full as can be. */
function squareColumns(count: number): number {
  const root = Math.ceil(Math.sqrt(count));
  for (let columns = root; columns <= Math.min(count, root + 2); columns++) {
    if (count % columns === 0) return columns;
  }
  return root;
}
