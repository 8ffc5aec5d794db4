/** `cairn models check`: whether model folders are whole and right, and what a step costs. */
import { Command } from 'commander';
import type { ModelReport } from '../../check/index.ts';
import { CliError, EXIT_USAGE } from '../cli-error.ts';
import { wholeNumber } from '../parse-option.ts';

interface CheckFlags {
  readonly json?: boolean;
  readonly threads?: number;
}

export function modelsCheckCommand(): Command {
  return new Command('check')
    .description(
      'Check model.json, digests, inputs and outputs, run each network, and say what a step costs; exit code 1 if anything is wrong.',
    )
    .argument('<folder>', 'a model folder, or a folder of model folders')
    .option('--threads <number>', 'threads of one run (default: all cores)', wholeNumber(1, 1024))
    .option('--json', 'print JSON instead of tables')
    .action(check);
}

async function check(folder: string, { json = false, threads }: CheckFlags): Promise<void> {
  // Imported here: it brings onnxruntime-node, which no other command should wait for.
  const { checkModels, reportText } = await import('../../check/index.ts');
  const reports: ModelReport[] = [];
  try {
    for await (const report of checkModels(folder, threads === undefined ? {} : { threads })) {
      reports.push(report);
      if (!json) console.log(reportText(report));
    }
  } catch (error) {
    throw new CliError((error as Error).message, EXIT_USAGE, { cause: error });
  }
  if (json) console.log(JSON.stringify(reports, null, 2));
  const failed = reports.filter(({ ok }) => !ok).length;
  if (failed > 0) throw new CliError(`${failed} of ${reports.length} models failed`);
}
