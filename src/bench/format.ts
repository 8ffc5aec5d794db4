/** Figures as text, the same in the terminal and in docs/benchmarks.md. */
import { type Aim, meets, type Row } from './measurement.ts';
import type { Summary } from './statistics.ts';

export const HEADINGS = ['measurement', 'ours', 'floor', 'ratio', 'ours - floor', 'aim'] as const;

/** @returns a cell per heading */
export function cellsOf(row: Row): string[] {
  return [
    row.name,
    `${spread(row.ours)} ${row.unit}`,
    `${spread(row.floor)} ${row.unit} (${row.floorIs})`,
    spread(row.ratio),
    `${spread(row.difference)} ${row.unit}`,
    row.aim === undefined ? '' : aimOf(row, row.aim),
  ];
}

const SUBJECT: Readonly<Record<Aim['on'], string>> = {
  ours: 'ours',
  ratio: 'ratio',
  difference: 'ours - floor',
};

function aimOf(row: Row, aim: Aim): string {
  const unit = aim.on === 'ratio' ? '' : ` ${row.unit}`;
  return `${SUBJECT[aim.on]} at most ${aim.atMost}${unit}: ${meets(row, aim) ? 'met' : 'MISSED'}`;
}

/** Median and, in brackets, the quartiles around it. */
function spread({ q1, median, q3 }: Summary): string {
  return `${figure(median)} [${figure(q1)}, ${figure(q3)}]`;
}

/** Three significant digits, never in exponential form. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 1 || size === 0 ? value.toFixed(2) : value.toFixed(3);
}
