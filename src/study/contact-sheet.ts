/** The same seeds with every sampler, side by side: a row for each, a column for each class. */
import { encode } from 'fast-png';
import { escapeXml, type Panel } from '../evaluate/plot/drawing.ts';

export interface SheetRow {
  readonly label: string;
  /** `[columns, size, size]`, grey. */
  readonly pixels: Uint8Array;
}

const GAP = 2;
/** Screen pixels for one of an image. */
const ZOOM = 1.5;
const LABEL_WIDTH = 130;
const HEADER = 18;

/** @param size pixels of an image's side */
export function contactSheet(rows: readonly SheetRow[], columns: readonly string[], size: number): Panel {
  const cell = size + GAP;
  const [across, down] = [columns.length * cell - GAP, rows.length * cell - GAP];
  const grey = new Uint8Array(across * down).fill(128);
  rows.forEach(({ pixels }, row) => {
    for (let column = 0; column < columns.length; column++) {
      for (let y = 0; y < size; y++) {
        const from = (column * size + y) * size;
        grey.set(pixels.subarray(from, from + size), (row * cell + y) * across + column * cell);
      }
    }
  });
  const png = encode({ width: across, height: down, channels: 1, depth: 8, data: grey });
  const [width, height] = [LABEL_WIDTH + across * ZOOM, HEADER + down * ZOOM];
  const text = (x: number, y: number, label: string, anchor: string) =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(label)}</text>`;
  const labels = [
    ...rows.map(({ label }, row) =>
      text(LABEL_WIDTH - 8, HEADER + (row * cell + size / 2) * ZOOM + 4, label, 'end'),
    ),
    ...columns.map((label, column) =>
      text(LABEL_WIDTH + (column * cell + size / 2) * ZOOM, 12, label, 'middle'),
    ),
  ];
  const image = `<image x="${LABEL_WIDTH}" y="${HEADER}" width="${across * ZOOM}" height="${down * ZOOM}" style="image-rendering:pixelated" href="data:image/png;base64,${Buffer.from(png).toString('base64')}"/>`;
  const svg = `<svg width="${width}" height="${height}" font-size="11" fill="currentColor">${labels.join('')}${image}</svg>`;
  return { width, height, svg };
}
