/** `cairn bench`: what Cairn costs, against what it stands on. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { projectRoot } from '../local/project.ts';

interface BenchOptions {
  readonly quick?: boolean;
  readonly only?: string;
  readonly json?: boolean;
}

const PAGE = 'docs/benchmarks.md';

export function benchCommand(): Command {
  return new Command('bench')
    .description(
      `Measure Cairn against what it stands on, as ratios taken in one run; a full run rewrites ${PAGE}.`,
    )
    .option('--quick', 'few rounds: to see that it runs, not to quote')
    .option('--only <name>', 'one measurement')
    .option('--json', 'print the report as JSON instead of tables')
    .action(bench);
}

async function bench({ quick = false, only, json = false }: BenchOptions): Promise<void> {
  // Imported here: it brings onnxruntime-node, which no other command should wait for.
  const { cellsOf, HEADINGS, markdownReport, measurementNames, runBench, terminalTable } = await import(
    '../../bench/index.ts'
  );
  if (only !== undefined && !measurementNames.includes(only)) {
    throw new CliError(`there is no measurement "${only}", only ${measurementNames.join(', ')}`, EXIT_USAGE);
  }
  const report = await runBench({
    quick,
    only,
    onProgress: (what) => console.error(what),
    onSection: ({ title, rows, notes, failure }) => {
      if (json) return;
      const table = rows.length === 0 ? [] : [terminalTable(HEADINGS, rows.map(cellsOf))];
      console.log(`\n${[title, ...table, ...notes].join('\n')}\n`);
      if (failure !== null) console.error(`FAILED: ${failure}\n`);
    },
  });
  if (report.sections.some(({ failure }) => failure !== null)) process.exitCode = 1;
  if (json) console.log(JSON.stringify(report, null, 2));
  if (quick || only !== undefined) return;
  await mkdir(join(projectRoot, 'docs'), { recursive: true });
  await writeFile(join(projectRoot, PAGE), markdownReport(report));
  console.error(`wrote ${PAGE}`);
}
