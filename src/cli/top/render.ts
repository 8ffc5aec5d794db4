/** A summary as the lines of one screen. */
import type { ModelSummary, Quantiles, Summary } from './summary.ts';

const MIB = 1024 * 1024;
const NOTHING = '-';

type Column = readonly [title: string, cell: (model: ModelSummary) => string];

const COLUMNS: readonly Column[] = [
  ['MODEL', ({ model }) => model],
  ['REQ/S', ({ requestsPerSecond }) => number(requestsPerSecond)],
  ['IMG/S', ({ itemsPerSecond }) => number(itemsPerSecond)],
  ['QUEUE', ({ queued }) => String(queued)],
  ['BATCH', ({ meanBatch }) => (meanBatch === null ? NOTHING : number(meanBatch))],
  ['WAIT MS p50/p95', ({ waitMs }) => pair(waitMs)],
  ['RUN MS p50/p95', ({ runMs }) => pair(runMs)],
  ['GUIDED', ({ guidedShare }) => (guidedShare === null ? NOTHING : `${Math.round(100 * guidedShare)}%`)],
  ['ERR/S', ({ errorsPerSecond }) => number(errorsPerSecond)],
  ['ENGINE MIB', ({ engineBytes }) => (engineBytes === null ? NOTHING : number(engineBytes / MIB))],
];

/** @param head what stands first, e.g. the server's URL and the time */
export function renderSummary(summary: Summary, head: string): string[] {
  const { ready, connections, requestsInFlight, bodyBytes, rssBytes, engineRestarts, models } = summary;
  const facts = [
    ready ? 'ready' : 'NOT READY',
    `${connections} connections`,
    `${requestsInFlight} requests`,
    `${number(bodyBytes / MIB)} MiB of bodies`,
    `${number(rssBytes / MIB)} MiB resident`,
    `${engineRestarts} engine restarts`,
  ];
  const rows = [
    COLUMNS.map(([title]) => title),
    ...models.map((model) => COLUMNS.map(([, cell]) => cell(model))),
  ];
  return [head, facts.join(' · '), '', ...table(rows)];
}

/** The first column to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
}

function pair(quantiles: Quantiles | null): string {
  return quantiles === null ? NOTHING : `${number(quantiles.p50)} / ${number(quantiles.p95)}`;
}

/** Three digits that matter, or all before the point. */
function number(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}
