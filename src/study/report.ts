/** Figures, tables and numbers of what has been drawn so far, written into docs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeMachine } from '../bench/machine.ts';
import { sheet } from '../evaluate/plot/drawing.ts';
import { type Cell, CLASSES, cellName, type Figure, type FigureName } from './cells.ts';
import { contactSheet, type SheetRow } from './contact-sheet.ts';
import { imagesIn, partsOf } from './draw.ts';
import { drawFigure, PRECISIONS, SAMPLERS, type SeriesOfCells, VARIANCES } from './figures.ts';
import { measureFigures, type RealImages } from './measure.ts';
import { replacePart } from './page.ts';
import { differenceOf, pixelsOf } from './pixels.ts';
import { type PixelRow, pixelTable, tableOf } from './tables.ts';

export interface ReportOptions {
  readonly figures: readonly Figure[];
  /** The folder of the cells. */
  readonly cells: string;
  /** The page whose parts are written; figures go into the folder `study` beside it. */
  readonly page: string;
  /** In the place of MNIST's. */
  readonly realImages?: RealImages;
  readonly onProgress: (what: string) => void;
}

const SIZE = 32;

/** @returns the names of the figures that there is enough for */
export async function writeReport(options: ReportOptions): Promise<FigureName[]> {
  const { figures, cells, page, onProgress, realImages } = options;
  const measured = await measureFigures(figures, cells, onProgress, realImages);
  const out = join(page, '../study');
  await mkdir(out, { recursive: true });
  const parts = new Map<string, string>();
  for (const figure of measured) {
    await writeFile(join(out, `${figure.name}.svg`), drawFigure(figure));
    parts.set(figure.name, tableOf(figure));
  }
  const samplers = await drawSamplers(cellsOf(figures, 'steps'), cells);
  if (samplers !== null) await writeFile(join(out, 'samplers.svg'), samplers);
  const pixels = await comparePixels(figures, cells);
  if (pixels.length > 0) parts.set('pixels', pixelTable(pixels));
  parts.set('run', await describeRun(figures, cells));
  await writeFile(join(out, 'results.json'), `${JSON.stringify({ figures: measured, pixels }, null, 1)}\n`);
  let text = await readFile(page, 'utf8');
  for (const [name, part] of parts) text = replacePart(text, name, part);
  await writeFile(page, text);
  return measured.map(({ name }) => name);
}

function cellsOf(figures: readonly Figure[], name: FigureName): readonly Cell[] {
  return figures.find((figure) => figure.name === name)?.cells ?? [];
}

/** The first image of each class, with every sampler; null until there is one. */
async function drawSamplers(own: readonly Cell[], cells: string): Promise<string | null> {
  const rows: SheetRow[] = [];
  for (const cell of own) {
    const parts = await partsOf(cells, cell);
    if (imagesIn(parts) < CLASSES) continue;
    const { name } = SAMPLERS.find(({ has }) => has(cell))!;
    rows.push({ label: `${name}, ${cell.steps}`, pixels: await pixelsOf(parts, CLASSES) });
  }
  if (rows.length === 0) return null;
  const digits = Array.from({ length: CLASSES }, (_, digit) => `${digit}`);
  return sheet([contactSheet(rows, digits, SIZE)], {
    title: 'Seeds 0 to 9 with every sampler, by steps',
    columns: 1,
  });
}

/** Cells of the same sampler, steps and scale, as far as both have images. */
async function comparePixels(figures: readonly Figure[], cells: string): Promise<PixelRow[]> {
  const pairs = [
    ...modelPairs(cellsOf(figures, 'precision'), PRECISIONS, () => ''),
    ...modelPairs(cellsOf(figures, 'variance'), VARIANCES, ({ steps }) => `, ${steps} steps`),
  ];
  const rows: PixelRow[] = [];
  for (const { name, first, other } of pairs) {
    const both = [await partsOf(cells, first), await partsOf(cells, other)] as const;
    const images = Math.min(...both.map(imagesIn));
    if (images === 0) continue;
    const [a, b] = [await pixelsOf(both[0], images), await pixelsOf(both[1], images)];
    rows.push({ name, difference: differenceOf(a, b, images) });
  }
  return rows;
}

interface CellPair {
  readonly name: string;
  readonly first: Cell;
  readonly other: Cell;
}

/** Each cell of a later series with that of the first series that differs from it in nothing but the model. */
function modelPairs(
  cells: readonly Cell[],
  [base, ...others]: readonly SeriesOfCells[],
  detail: (cell: Cell) => string,
): CellPair[] {
  return cells.filter(base!.has).flatMap((first) =>
    others.flatMap(({ name, has }) => {
      const other = cells.find((cell) => has(cell) && cell.steps === first.steps);
      return other === undefined
        ? []
        : [{ name: `${name} against ${base!.name}${detail(first)}`, first, other }];
    }),
  );
}

/** What has been drawn, and on what. */
async function describeRun(figures: readonly Figure[], cells: string): Promise<string> {
  const { cpu, versions } = await describeMachine();
  const all = new Map(figures.flatMap((figure) => figure.cells.map((cell) => [cellName(cell), cell])));
  let [settings, images, steps] = [0, 0, 0];
  for (const cell of all.values()) {
    const drawn = imagesIn(await partsOf(cells, cell));
    if (drawn > 0) settings++;
    images += drawn;
    steps += drawn * cell.steps;
  }
  return `${settings} settings, ${images} images, ${steps} steps of an image, on the processor (${cpu}; node ${versions.node}, onnxruntime-node ${versions['onnxruntime-node']}).`;
}
