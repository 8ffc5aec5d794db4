/** A report for people. */
import { figure } from '../bench/format.ts';
import { terminalTable } from '../bench/table.ts';
import type { ModelReport, StepCost } from './report.ts';

const COST_HEADINGS = ['batch', 'U-Net', 'gradient', 'both', 'sent a step', 'received a step'] as const;

/** @returns a line for each finding and, if everything is right, a table of what a step costs */
export function reportText({ folder, ok, findings, costs }: ModelReport): string {
  const rows = findings.map(({ check, ok: passed, detail }) => [passed ? 'ok' : 'FAILED', check, detail]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map(
    ([status, check, detail]) => `  ${status!.padEnd(widths[0]!)}  ${check!.padEnd(widths[1]!)}  ${detail}`,
  );
  const table = costs.length === 0 ? [] : ['', indent(terminalTable(COST_HEADINGS, costs.map(cellsOf)))];
  return [`${folder}: ${ok ? 'ok' : 'FAILED'}`, ...lines, ...table].join('\n');
}

function cellsOf({ batch, diffusionMs, gradientMs, guidedMs, sentBytes, receivedBytes }: StepCost): string[] {
  return [
    String(batch),
    milliseconds(diffusionMs),
    milliseconds(gradientMs),
    milliseconds(guidedMs),
    kilobytes(sentBytes),
    kilobytes(receivedBytes),
  ];
}

function milliseconds(value: number | null): string {
  return value === null ? 'none' : `${figure(value)} ms`;
}

function kilobytes(bytes: number): string {
  return `${figure(bytes / 1000)} kB`;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
