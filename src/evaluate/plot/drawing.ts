/** One SVG file of several panels, readable on light and on dark pages. */
import { parseHTML } from 'linkedom';

/** A document for Observable Plot to draw in: there is no browser here. */
export const document = parseHTML('<html></html>').document;

/** What tells series apart: a colour that is legible on white and on black, and a shape for who does not see it. */
export const SERIES_STYLES = [
  { colour: '#3b82c4', symbol: 'circle' },
  { colour: '#d9730d', symbol: 'square' },
  { colour: '#2f9e6e', symbol: 'triangle' },
  { colour: '#a855c7', symbol: 'diamond' },
  { colour: '#c2410c', symbol: 'star' },
  { colour: '#64748b', symbol: 'wye' },
] as const;

/** @param index any; styles come again when there are more series than styles */
export function seriesStyle(index: number): (typeof SERIES_STYLES)[number] {
  return SERIES_STYLES[index % SERIES_STYLES.length]!;
}

/** A drawing of its own size, to be placed in a larger one. */
export interface Panel {
  readonly width: number;
  readonly height: number;
  /** An `<svg>` element. */
  readonly svg: string;
}

export interface SheetOptions {
  readonly title: string;
  /** Names of the series, in the order of their styles; no legend for one. */
  readonly series?: readonly string[];
  /** Panels side by side. */
  readonly columns: number;
}

const MARGIN = 12;
const TITLE_HEIGHT = 26;
const LEGEND_HEIGHT = 22;
const FONT = 'system-ui, sans-serif';

/** Panels in rows under a title and a legend. */
export function sheet(panels: readonly Panel[], { title, series = [], columns }: SheetOptions): string {
  const [cellWidth, cellHeight] = [
    Math.max(...panels.map(({ width }) => width)),
    Math.max(...panels.map(({ height }) => height)),
  ];
  const across = Math.min(columns, panels.length);
  const top = MARGIN + TITLE_HEIGHT + (series.length > 1 ? LEGEND_HEIGHT : 0);
  const width = 2 * MARGIN + across * cellWidth;
  const height = top + Math.ceil(panels.length / across) * cellHeight + MARGIN;
  const placed = panels.map(({ svg }, i) => {
    const [x, y] = [MARGIN + (i % across) * cellWidth, top + Math.floor(i / across) * cellHeight];
    return svg.replace('<svg ', `<svg x="${x}" y="${y}" `);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}" role="img" aria-label="${escapeXml(title)}">
<style>:root{color:#1f2328}.page{fill:#fff}@media (prefers-color-scheme:dark){:root{color:#e6edf3}.page{fill:#0d1117}}</style>
<rect class="page" width="${width}" height="${height}"/>
<text x="${MARGIN}" y="${MARGIN + 14}" font-size="14" font-weight="600" fill="currentColor">${escapeXml(title)}</text>
${series.length > 1 ? legend(series, MARGIN + TITLE_HEIGHT) : ''}${placed.join('\n')}
</svg>
`;
}

/** Symbols as Plot draws them, at about the same size. */
const SYMBOL_PATHS: Readonly<Record<(typeof SERIES_STYLES)[number]['symbol'], string>> = {
  circle: 'M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0Z',
  square: 'M-3.5,-3.5H3.5V3.5H-3.5Z',
  triangle: 'M0,-4.6L4,2.3H-4Z',
  diamond: 'M0,-5L3,0L0,5L-3,0Z',
  star: 'M0,-5L1.2,-1.6L4.8,-1.6L1.9,0.6L2.9,4L0,2L-2.9,4L-1.9,0.6L-4.8,-1.6L-1.2,-1.6Z',
  wye: 'M1.4,0.8V4H-1.4V0.8L-4.2,-0.8L-2.8,-3.2L0,-1.6L2.8,-3.2L4.2,-0.8Z',
};

function legend(series: readonly string[], y: number): string {
  let x = MARGIN + 4;
  const entries = series.map((name, i) => {
    const { colour, symbol } = seriesStyle(i);
    const entry = `<path d="${SYMBOL_PATHS[symbol]}" transform="translate(${x},${y + 6})" fill="${colour}"/><text x="${x + 9}" y="${y + 10}" font-size="11" fill="currentColor">${escapeXml(name)}</text>`;
    x += 26 + 6.2 * name.length;
    return entry;
  });
  return `${entries.join('')}\n`;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
