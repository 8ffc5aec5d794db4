/** A run of the benchmark as data, and as the page that is kept. */
import { cellsOf, HEADINGS } from './format.ts';
import type { Machine } from './machine.ts';
import type { Row } from './measurement.ts';
import { markdownTable } from './table.ts';

export interface Report {
  /** ISO date. */
  readonly date: string;
  readonly machine: Machine;
  readonly load: { readonly before: number; readonly highest: number };
  readonly sections: readonly Section[];
}

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly method: string;
  readonly rows: readonly Row[];
  /** Lines below the table. */
  readonly notes: readonly string[];
  /** Why the measurement failed; null for one that did not. */
  readonly failure: string | null;
}

/** docs/benchmarks.md. */
export function markdownReport({ date, machine, load, sections }: Report): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return `# Benchmarks

Written by \`npm run bench\` on ${date}.

Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}; ${versions.join(', ')}.
Processes that wanted a core (load average over a minute): ${load.before.toFixed(1)} before the run, up to
${load.highest.toFixed(1)} in it; the benchmark itself makes 1 to 2. With more than there are cores, absolute figures are too large.

Every line compares two things taken in turns in one run (A B, B A, A B, ...) after a warm-up, because a machine has
better and worse minutes: believe the ratios, not the milliseconds. Figures are medians with [first, third] quartiles
over the rounds; ratio and difference are taken round by round and then summarised.

${sections.map(sectionOf).join('\n\n')}
`;
}

function sectionOf({ name, title, method, rows, notes, failure }: Section): string {
  const parts = [`## ${title}`, `${method} (\`npm run bench -- --only ${name}\`)`];
  if (failure !== null) parts.push(`**Failed:**\n\n\`\`\`\n${failure}\n\`\`\``);
  if (rows.length > 0) parts.push(markdownTable(HEADINGS, rows.map(cellsOf)));
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  return parts.join('\n\n');
}
